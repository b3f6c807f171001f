import { FIRST_APPLICATION_CODE, Flag, FrameDecoder, FrameEncoder, SETTINGS_FLOOR, type FrameHandler, type Settings } from "@astranet/frame";
import type { Connection } from "@astranet/transport";
import { ignoredFrames } from "../net/ignored-frames.ts";
import type { World } from "../world.ts";
import { helloMessage, readyMessage, streamTypes, type Speaker } from "./words.ts";

const controlId = 1;

/** A link, from the side of somebody who speaks in frames, and keeps to no rule but those that it takes to be let in. */
export class RawLink {
  /** The code of a GOAWAY, and when it came. */
  goAway: { readonly code: number; readonly at: number } | undefined;
  /** Codes of streams that were reset. */
  readonly resets: number[] = [];
  /** When the connection was over. */
  closedAt: number | undefined;
  /** What came on the control stream, as text: enough to find a word in it. */
  heard = "";
  readonly #world: World;
  readonly #connection: Connection;
  readonly #encoder = new FrameEncoder();
  #isReady = false;

  /** `settings` may break a rule already. */
  constructor(world: World, connection: Connection, speaker: Speaker, role: string, settings: Settings = SETTINGS_FLOOR) {
    this.#world = world;
    this.#connection = connection;
    const decoder = new FrameDecoder(this.#handler());
    connection.start({
      data: (chunk) => decoder.push(chunk),
      drain: () => undefined,
      closed: () => {
        this.closedAt = world.now;
      },
    });
    this.say((encoder) => {
      encoder.settings(settings);
      this.#control(helloMessage(speaker, role, ""), Flag.SYN, streamTypes.control);
    });
  }

  /** Whether we have been let in, as far as we know. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Frames, in one go. */
  say(write: (encoder: FrameEncoder) => void): void {
    write(this.#encoder);
    this.#connection.send(this.#encoder.take());
  }

  /** A message on the control stream. */
  tell(message: Uint8Array): void {
    this.say(() => this.#control(message));
  }

  abort(): void {
    this.#world.disturbed();
    this.#connection.abort();
  }

  #control(message: Uint8Array, flags = 0, type = -1): void {
    this.#encoder.data(controlId, flags, message.length, type);
    this.#encoder.payload(message, 0, message.length);
  }

  #handler(): FrameHandler {
    let id = 0;
    return {
      ...ignoredFrames,
      data: (streamId) => {
        id = streamId;
      },
      payload: (chunk, start, end) => {
        if (id !== controlId) return;
        this.heard += String.fromCharCode(...chunk.subarray(start, end));
        if (this.#isReady) return;
        // It can only be the other end's HELLO, or its refusal.
        this.#isReady = true;
        this.tell(readyMessage);
      },
      rst: (_streamId, _flags, code) => {
        if (code < FIRST_APPLICATION_CODE) this.resets.push(code);
      },
      goAway: (_last, code) => {
        this.goAway ??= { code, at: this.#world.now };
      },
      ping: (ack, high, low) => {
        if (!ack) this.say((encoder) => encoder.ping(true, high, low));
      },
    };
  }
}
