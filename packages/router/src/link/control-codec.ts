import { Decoder, Encoder } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";

/** A control message: a msgpack map whose `t` says which. Fields that the reader does not know are ignored. */
export interface ControlMessage {
  readonly t: string;
  /** Whether a reader that does not know this message may go on without it. */
  readonly ignorable?: boolean;
  readonly [field: string]: unknown;
}

/** A message is at most this long; the length is known, and checked, before anything is kept. */
export const maxControlBytes = 65_536;

const encoder = new Encoder({ ignoreUndefined: true });
// The decoder makes room for as many elements as an array says it has: no message has long ones.
const decoder = new Decoder({ maxArrayLength: 16, maxMapLength: 64, maxStrLength: 4096, maxBinLength: maxControlBytes, maxExtLength: 1024 });

/** length u32 | msgpack */
export function encodeControl(message: ControlMessage): Uint8Array {
  const body = encoder.encode(message);
  if (body.length > maxControlBytes) throw new AstraError("EINVAL", `a control message of ${body.length} bytes is longer than ${maxControlBytes}`);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** Cuts a control stream into messages. Keeps at most one message's bytes. */
export class ControlReader {
  readonly #length = new Uint8Array(4);
  #lengthBytes = 0;
  #body: Uint8Array | undefined;
  #bodyBytes = 0;

  /** The messages that `chunk` completes. Throws ERR_ASTRANET_PROTOCOL at the first malformed one; then the stream is of no use. */
  *push(chunk: Uint8Array): IterableIterator<ControlMessage> {
    let at = 0;
    while (at < chunk.length || this.#body?.length === this.#bodyBytes) {
      if (this.#body === undefined) {
        this.#length[this.#lengthBytes++] = chunk[at++]!;
        if (this.#lengthBytes === 4) this.#begin();
        continue;
      }
      const piece = chunk.subarray(at, at + this.#body.length - this.#bodyBytes);
      this.#body.set(piece, this.#bodyBytes);
      this.#bodyBytes += piece.length;
      at += piece.length;
      if (this.#bodyBytes < this.#body.length) continue;
      const body = this.#body;
      this.#body = undefined;
      yield decodeBody(body);
    }
  }

  #begin(): void {
    this.#lengthBytes = 0;
    const length = new DataView(this.#length.buffer).getUint32(0);
    if (length > maxControlBytes) throw malformed(`it announces ${length} bytes, ${maxControlBytes} are allowed`);
    this.#body = new Uint8Array(length);
    this.#bodyBytes = 0;
  }
}

function decodeBody(body: Uint8Array): ControlMessage {
  let message: unknown;
  try {
    message = decoder.decode(body);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
  if (typeof (message as { t?: unknown } | null)?.t !== "string") throw malformed("it has no type");
  return message as ControlMessage;
}

function malformed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a control message is malformed: ${why}`);
}
