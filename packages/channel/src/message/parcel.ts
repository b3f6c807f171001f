import type { Item } from "../queue/item.ts";
import type { Travelling } from "./travelling.ts";

/** A message that is packed, whatever it was made into, and the ends that travel with it. */
export class Parcel implements Item {
  readonly #message: unknown;
  readonly #ends: readonly Travelling[];

  /** Hands the ends over. */
  constructor(message: unknown, ends: readonly Travelling[]) {
    this.#message = message;
    this.#ends = ends;
    for (const end of ends) end.move();
  }

  open(): unknown {
    return this.#message;
  }

  discard(): void {
    for (const end of this.#ends) end.discard();
  }

  restore(): void {
    for (const end of this.#ends) end.restore();
  }
}
