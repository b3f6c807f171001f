import { FrameDecoder, FrameEncoder } from "@astranet/frame";
import { Session, type SessionOptions } from "@astranet/mux";
import { type Connection, memoryPair } from "@astranet/transport";
import { Collector, encodeFrame, type Frame } from "../../../frame/test/support/frames.ts";
import { concat } from "../../../frame/test/support/hex.ts";
import { ManualClock } from "./manual-clock.ts";

/** A session and, at the other end of its connection, a test that speaks in bytes. Time passes only when the test says so. */
export class RawPeer {
  readonly clock: ManualClock;
  readonly session: Session;
  /** All that the session said, frame by frame. */
  readonly frames: Frame[];
  /** The session's end of the connection is over, and why. */
  over: { readonly reason: unknown } | undefined;
  readonly #connection: Connection;
  readonly #chunks: Uint8Array[] = [];
  readonly #decoder: FrameDecoder;
  #seen = 0;

  constructor(options: SessionOptions) {
    this.clock = new ManualClock();
    const [ours, theirs] = memoryPair({ clock: this.clock });
    this.#connection = theirs;
    const collector = new Collector();
    this.frames = collector.frames;
    this.#decoder = new FrameDecoder(collector, { wire: options.wire?.name === "muxado" ? "muxado" : "astranet" });
    theirs.start({
      data: (chunk) => {
        this.#chunks.push(chunk);
        this.#decoder.push(chunk);
      },
      drain: () => undefined,
      closed: (reason) => {
        this.over = { reason };
      },
    });
    this.session = new Session(ours, { clock: this.clock, ...options });
    this.session.closed.catch(() => undefined);
  }

  /** All bytes that the session sent. */
  get bytes(): Uint8Array {
    return concat(this.#chunks);
  }

  /** The frames that came since the last call. */
  news(): Frame[] {
    const news = this.frames.slice(this.#seen);
    this.#seen = this.frames.length;
    return news;
  }

  /** Sends frames, or bytes, and lets the session do what it does about them; gives what it said. */
  async say(...what: readonly (Frame | Uint8Array)[]): Promise<Frame[]> {
    const encoder = new FrameEncoder();
    for (const item of what) {
      if (item instanceof Uint8Array) encoder.payload(item, 0, item.length);
      else encodeFrame(encoder, item);
    }
    this.#connection.send(encoder.take());
    await this.clock.settle();
    return this.news();
  }

  /** Sends bytes; what the session says to them is told by the next `say` or `listen`. */
  async hear(bytes: Uint8Array): Promise<void> {
    this.#connection.send([bytes]);
    await this.clock.settle();
  }

  /** Gives what the session says by itself. */
  async listen(): Promise<Frame[]> {
    await this.clock.settle();
    return this.news();
  }

  async end(): Promise<Frame[]> {
    this.#connection.close();
    await this.clock.settle();
    return this.news();
  }

  async cut(): Promise<void> {
    this.#connection.abort(new Error("cut"));
    await this.clock.settle();
  }
}
