import { BaseConnection, type ConnectionOptions } from "../base-connection.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { gather } from "./gather.ts";

/** The part of a MessagePort that is used; browsers' and Node's both have it. Of a 'message' event it is `data`, which Node's types do not mention. */
export interface MessagePortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  start(): void;
  close(): void;
  addEventListener(type: "message" | "messageerror" | "close", listener: (event: object) => void): void;
  removeEventListener(type: "message" | "messageerror" | "close", listener: (event: object) => void): void;
}

/** What is posted besides ArrayBuffers, which are bytes, and numbers, which tell how many of them were handed on. */
const END = "end";
const RESET = "reset";

/** A port has no backpressure of its own: the receiver tells what it has handed on, in steps of this many bytes. */
const ACK_BYTES = 32_768;
/** Small enough to keep the pipe full while an acknowledgement is under way; no smaller than what may go unacknowledged. */
const LOW_WATER_BYTES = 65_536;

/** A connection over a MessagePort whose other end is one too. The chunks of a `send` travel as one copy, which is transferred. */
export class PortConnection extends BaseConnection {
  readonly #port: MessagePortLike;
  #unacknowledgedBytes = 0;
  #toAcknowledgeBytes = 0;
  #owesDrain = false;

  constructor(port: MessagePortLike, options: ConnectionOptions) {
    super("port", options);
    this.#port = port;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.closing) return true;
    const { buffer } = gather(chunks);
    if (buffer.byteLength > 0) {
      this.#unacknowledgedBytes += buffer.byteLength;
      this.#port.postMessage(buffer, [buffer]);
    }
    if (this.#unacknowledgedBytes <= HIGH_WATER_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }

  protected begin(): void {
    // Not earlier: in Node a port begins to deliver with its first listener.
    this.#port.addEventListener("message", this.#onmessage);
    this.#port.addEventListener("messageerror", this.#onclose);
    this.#port.addEventListener("close", this.#onclose);
    this.#port.start();
  }

  protected end(): void {
    this.#port.postMessage(END, []);
    this.sentEnd();
  }

  protected discard(failure: object | undefined): void {
    this.#port.removeEventListener("message", this.#onmessage);
    this.#port.removeEventListener("messageerror", this.#onclose);
    this.#port.removeEventListener("close", this.#onclose);
    // Not every browser tells the other end that a port was closed.
    if (failure !== undefined) this.#port.postMessage(RESET, []);
    this.#port.close();
  }

  readonly #onmessage = (event: object): void => {
    const { data } = event as { readonly data?: unknown };
    if (data instanceof ArrayBuffer) {
      this.#toAcknowledgeBytes += data.byteLength;
      this.sink?.data(new Uint8Array(data));
      this.#acknowledge();
    } else if (typeof data === "number") {
      this.#unacknowledgedBytes -= data;
      if (!this.#owesDrain || this.#unacknowledgedBytes > LOW_WATER_BYTES) return;
      this.#owesDrain = false;
      this.drained();
    } else if (data === END) this.gotEnd();
    else if (data === RESET) this.fail(new AstraError("ECONNRESET", "the peer aborted the connection"));
    else this.fail(new AstraError("ERR_ASTRANET_PROTOCOL", `a message of type ${typeof data} came where bytes were expected`));
  };

  readonly #onclose = (): void => {
    this.fail(new AstraError("ECONNRESET", "the port was closed"));
  };

  #acknowledge(): void {
    // `over`: the sink may have aborted, and a closed port takes no message.
    if (this.over || this.#toAcknowledgeBytes < ACK_BYTES) return;
    this.#port.postMessage(this.#toAcknowledgeBytes, []);
    this.#toAcknowledgeBytes = 0;
  }
}
