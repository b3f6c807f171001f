import type { Connection } from "@astranet/transport";

type OnReturn = (chunk: Uint8Array) => void;

/** Chunks whose owner wants their memory back: from when they are written until the connection needs them no more. */
export class LentChunks {
  readonly #connection: Connection;
  /** Weak, as what a stream drops when it breaks is never framed. Few sessions have any. */
  #queued: WeakMap<Uint8Array, OnReturn> | undefined;
  /** Framed, and where they end among the bytes of the session. */
  #framed: { readonly chunk: Uint8Array; readonly onreturn: OnReturn; readonly end: number }[] = [];
  #sentBytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  add(chunk: Uint8Array, onreturn: OnReturn): void {
    if (this.#connection.heldBytes !== undefined) (this.#queued ??= new WeakMap()).set(chunk, onreturn);
  }

  /** All of the chunk is among the first `bytes` of what is sent next. */
  framed(chunk: Uint8Array, bytes: number): void {
    const onreturn = this.#queued?.get(chunk);
    if (onreturn === undefined) return;
    this.#queued!.delete(chunk);
    this.#framed.push({ chunk, onreturn, end: this.#sentBytes + bytes });
  }

  /** `sentBytes` were handed to the connection just now. Returns what it does not hold any more. */
  giveBack(sentBytes: number): void {
    this.#sentBytes += sentBytes;
    const framed = this.#framed;
    while (framed.length > 0 && framed[0]!.end <= this.#sentBytes - this.#connection.heldBytes!) {
      const { chunk, onreturn } = framed.shift()!;
      onreturn(chunk);
    }
  }

  /** Nothing is returned any more. */
  clear(): void {
    this.#framed = [];
  }
}
