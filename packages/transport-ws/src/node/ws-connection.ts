import type { Socket } from "node:net";
import { AstraError, BaseConnection, type AstraErrorCode, type ConnectionOptions } from "@astranet/transport";
import { mapError } from "@astranet/transport/node";
import type { WebSocket } from "ws";
import { framesOf } from "./frames.ts";

/** `send` returns false while more than this many bytes have not been handed to the system. */
const HIGH_WATER_BYTES = 131_072;
const EMPTY = new Uint8Array(0);
const NORMAL = 1_000;
const UNSUPPORTED_DATA = 1_003;

/** What the closing codes of RFC 6455, 7.4.1, mean, where they say more than that the peer has gone. */
const codes: ReadonlyMap<number, AstraErrorCode> = new Map([1_002, 1_003, 1_007, 1_009, 1_010].map((code) => [code, "ERR_ASTRANET_PROTOCOL"]));

/** A connection over an open WebSocket of the `ws` package. On the wire it is what `toConnection` makes of a browser's: an empty message ends a direction. */
export class WsConnection extends BaseConnection {
  readonly #socket: WebSocket;
  readonly #raw: Socket;
  #owesDrain = false;
  #peerEnded = false;
  /** What the peer is told before the socket goes, instead of nothing. */
  #farewell: { readonly code: number; readonly text: string } | undefined = undefined;
  #cause: Error | undefined = undefined;

  /** `raw` is the socket underneath, for which `ws` has no name. */
  constructor(socket: WebSocket, raw: Socket, options: ConnectionOptions) {
    super("websocket", options);
    this.#socket = socket;
    this.#raw = raw;
    // Nothing is read before `start`; messages come as they were framed, uncopied where a frame arrived in one piece.
    socket.pause();
    socket.binaryType = "fragments";
    socket.on("message", (data, isBinary) => {
      if (!this.over) this.#onmessage(data as Buffer[], isBinary);
    });
    socket.on("error", (error) => {
      this.#onerror(error);
    });
    socket.on("close", (code, reason) => {
      this.#onclose(code, reason);
    });
    // `ws` keeps this to itself.
    raw.on("error", (error) => {
      this.#cause ??= error;
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing || !this.#isOpen()) return true;
    this.#raw.cork();
    try {
      for (const frames of framesOf(chunks)) {
        const last = frames.length - 1;
        for (const [at, frame] of frames.entries()) {
          if (at < last) this.#socket.send(frame, { fin: false });
          else this.#socket.send(frame, this.#onsent);
        }
      }
    } finally {
      this.#raw.uncork();
    }
    if (this.#socket.bufferedAmount <= HIGH_WATER_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }

  protected begin(): void {
    this.#socket.resume();
  }

  protected end(): void {
    // Where it is not open, its 'close' comes.
    if (!this.#isOpen()) return;
    this.#socket.send(EMPTY, (error) => {
      // Without one it is null, whatever the types say.
      if (!(error instanceof Error)) this.sentEnd();
    });
  }

  protected discard(failure: object | undefined): void {
    if (failure === undefined) this.#socket.close(NORMAL);
    else if (this.#farewell !== undefined) this.#socket.close(this.#farewell.code, this.#farewell.text);
    else this.#socket.terminate();
  }

  #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  readonly #onsent = (): void => {
    if (!this.#owesDrain || this.over || this.#socket.bufferedAmount > HIGH_WATER_BYTES / 2) return;
    this.#owesDrain = false;
    this.drained();
  };

  #onmessage(fragments: readonly Buffer[], isBinary: boolean): void {
    if (!isBinary) {
      this.#refuse(UNSUPPORTED_DATA, "a text message came where bytes were expected");
      return;
    }
    let isEmpty = true;
    for (const { buffer, byteOffset, length } of fragments) {
      if (length === 0) continue;
      isEmpty = false;
      if (this.#peerEnded) {
        this.#refuse(1_002, "a message came after the one that ends the direction");
        return;
      }
      // A plain view: a Buffer's slice() would not copy as a Uint8Array's does.
      this.sink?.data(new Uint8Array(buffer, byteOffset, length));
      if (this.over) return;
    }
    if (!isEmpty || this.#peerEnded) return;
    this.#peerEnded = true;
    this.gotEnd();
  }

  #refuse(code: number, text: string): void {
    this.#farewell = { code, text };
    this.fail(new AstraError("ERR_ASTRANET_PROTOCOL", text));
  }

  /** What `ws` finds wrong with what came; it has told the peer the code already. */
  #onerror(error: Error & { code?: string }): void {
    if (error.code?.startsWith("WS_ERR_") !== true) {
      this.fail(mapError(error));
      return;
    }
    this.#farewell = { code: NORMAL, text: "" };
    this.fail(new AstraError("ERR_ASTRANET_PROTOCOL", `what came is not what a WebSocket may carry here: ${error.message}`, { cause: error }));
  }

  #onclose(code: number, reason: Buffer): void {
    if (this.over) return;
    if (code === NORMAL) {
      this.gotEnd();
      this.sentEnd();
      return;
    }
    if (this.#cause !== undefined) {
      this.fail(mapError(this.#cause));
      return;
    }
    const said = reason.length === 0 ? "" : `: ${reason.toString()}`;
    this.fail(new AstraError(codes.get(code) ?? "ECONNRESET", code === 1_006 ? "the WebSocket's socket ended without a closing handshake" : `the peer closed the WebSocket with code ${code}${said}`));
  }
}
