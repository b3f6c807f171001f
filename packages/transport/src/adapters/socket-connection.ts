import { BaseConnection, type ConnectionOptions } from "../base-connection.ts";
import type { Timer } from "../clock.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { gather } from "./gather.ts";

/** The part of a WebSocket that is used; browsers', Node's and the `ws` package's all have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number }) => void): void;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- the `ws` package has one signature an event, and none for two
  addEventListener(type: "error", listener: () => void): void;
}

const CONNECTING = 0;
const OPEN = 1;
/** A WebSocket says nothing when its buffer empties, so one looks: at first as often as browsers' timers can, then ever less often. */
const MIN_POLL_MS = 4;
const MAX_POLL_MS = 64;
/** A message is no longer than this, so that it fits whatever limit a server or a gateway has. */
const MESSAGE_BYTES = 65_536;
/** What an aborted connection closes with; any code but 1000 means a broken connection to the peer. */
const ABORTED = 4_000;
const EMPTY = new Uint8Array(0);

/**
 * A connection over a WebSocket of binary messages, whose boundaries mean nothing. An empty message ends a direction:
 * a WebSocket that is closing delivers nothing more, so it is closed when both have ended.
 */
export class WebSocketConnection extends BaseConnection {
  readonly #socket: WebSocketLike;
  /** What came before `start`, or while it is being delivered: a WebSocket cannot be told to wait. */
  #held: Uint8Array[] | undefined = [];
  /** What was sent while the WebSocket was connecting. */
  #early: Uint8Array<ArrayBuffer>[] = [];
  #earlyBytes = 0;
  #poll: Timer | undefined = undefined;
  #pollMs = MIN_POLL_MS;
  #owesDrain = false;

  constructor(socket: WebSocketLike, options: ConnectionOptions) {
    super("websocket", options);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      for (const bytes of this.#early.splice(0)) this.#socket.send(bytes);
      this.#earlyBytes = 0;
      this.#checkDrained();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!this.over) this.#onmessage(data);
    });
    // A 'close' always follows, with what can be known.
    socket.addEventListener("error", () => undefined);
    socket.addEventListener("close", ({ code }) => {
      this.#onclose(code);
    });
    if (socket.readyState > OPEN) this.#onclose(undefined);
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    const bytes = gather(chunks);
    for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) this.#post(bytes.length <= MESSAGE_BYTES ? bytes : bytes.subarray(at, at + MESSAGE_BYTES));
    if (this.#waitingBytes() <= HIGH_WATER_BYTES) return true;
    if (!this.#owesDrain) this.#pollMs = MIN_POLL_MS;
    this.#owesDrain = true;
    this.#setPoll();
    return false;
  }

  protected begin(): void {
    this.clock.defer(() => {
      this.#deliverHeld();
    });
  }

  protected end(): void {
    // Closing the WebSocket later on flushes it.
    this.#post(EMPTY);
    this.sentEnd();
  }

  protected discard(failure: object | undefined): void {
    this.#poll?.cancel();
    this.#early = [];
    const socket: WebSocketLike & { terminate?(): void } = this.#socket;
    if (failure === undefined) socket.close(1_000);
    else if (socket.terminate !== undefined) socket.terminate();
    else socket.close(ABORTED, "aborted");
  }

  #post(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState !== CONNECTING) this.#socket.send(bytes);
    else {
      this.#early.push(bytes);
      this.#earlyBytes += bytes.length;
    }
  }

  #onmessage(data: unknown): void {
    this.#checkDrained();
    if (!(data instanceof ArrayBuffer)) this.fail(new AstraError("ERR_ASTRANET_PROTOCOL", "a text message came where bytes were expected"));
    else if (this.#held !== undefined) this.#held.push(new Uint8Array(data));
    else this.#deliver(new Uint8Array(data));
  }

  #deliver(bytes: Uint8Array): void {
    if (bytes.length > 0) this.sink?.data(bytes);
    else this.gotEnd();
  }

  #deliverHeld(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) if (!this.over) this.#deliver(bytes);
    if (this.#closeCode !== undefined) this.#onclose(this.#closeCode);
  }

  /** Set when the WebSocket closed while something of it was still held. */
  #closeCode: number | undefined = undefined;

  #onclose(code: number | undefined): void {
    if (this.#held !== undefined && code === 1_000) {
      this.#closeCode = code;
      return;
    }
    if (code === 1_000) {
      this.gotEnd();
      this.sentEnd();
    } else this.fail(new AstraError("ECONNRESET", `the WebSocket was closed${code === undefined ? "" : ` with code ${String(code)}`}`));
  }

  #waitingBytes(): number {
    return this.#socket.bufferedAmount + this.#earlyBytes;
  }

  #setPoll(): void {
    if (this.#poll !== undefined) return;
    this.#poll = this.clock.setTimer(this.#pollMs, () => {
      this.#poll = undefined;
      this.#checkDrained();
    });
    this.#pollMs = Math.min(MAX_POLL_MS, this.#pollMs * 2);
  }

  #checkDrained(): void {
    if (!this.#owesDrain || this.over) return;
    if (this.#waitingBytes() > HIGH_WATER_BYTES / 2) {
      this.#setPoll();
      return;
    }
    this.#owesDrain = false;
    this.drained();
  }
}
