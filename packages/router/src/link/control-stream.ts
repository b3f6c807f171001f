import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { ControlReader, encodeControl, type ControlMessage } from "./control-codec.ts";

/** What a ControlStream tells its link. After `ended` or `failed` there is nothing more. */
export interface ControlEvents {
  /** A message came; throwing is failing. What it returns is waited for before the next: a slow handler slows the peer down. */
  message(message: ControlMessage): Promise<void> | undefined;
  /** The peer has ended its half. */
  ended(): void;
  failed(error: unknown): void;
}

/** Messages over a link's control stream, in order, one at a time. */
export class ControlStream {
  readonly #stream: Stream;

  constructor(stream: Stream, events: ControlEvents) {
    this.#stream = stream;
    void this.#read(events);
  }

  /** Sends a message. Awaiting it is the backpressure; it rejects when the stream is over, marked as handled. */
  send(message: ControlMessage): Promise<void> {
    return this.#stream.write(encodeControl(message));
  }

  /** Our last message was sent. */
  end(): void {
    void this.#stream.end().catch(() => undefined);
  }

  async #read(events: ControlEvents): Promise<void> {
    const reader = new ControlReader();
    try {
      for (;;) {
        const chunk = await this.#stream.read();
        if (chunk === null) break;
        for (const message of reader.push(chunk)) await events.message(message);
      }
    } catch (error) {
      events.failed(error);
      return;
    }
    events.ended();
  }
}

/** What a refusal may say of itself, so that nobody can make us raise just any error. */
const refusals = ["ERR_ASTRANET_ID_CONFLICT", "ERR_ASTRANET_HANDSHAKE", "ERR_ASTRANET_PROTOCOL", "ERR_ASTRANET_OVERLOAD", "ERR_ASTRANET_INSECURE", "EACCES"] as const;

/** "Not with you, because …": sent instead of going on. */
export function refuseMessage(error: unknown): ControlMessage {
  const { code, message, retryable } = AstraError.is(error) ? error : new AstraError("ERR_ASTRANET_HANDSHAKE", String(error));
  const known = refusals.find((refusal) => refusal === code) ?? "ERR_ASTRANET_HANDSHAKE";
  return { t: "refuse", code: known, text: message.slice(code.length + 2).slice(0, 512), retry: retryable };
}

/** The error that a refusal means here. */
export function refusalError(message: ControlMessage): AstraError {
  const code = refusals.find((refusal) => refusal === message["code"]) ?? "ERR_ASTRANET_HANDSHAKE";
  const text = typeof message["text"] === "string" ? message["text"].slice(0, 512) : "no reason was given";
  return new AstraError(code, `the other end refused the link: ${text}`, { retryable: message["retry"] === true });
}
