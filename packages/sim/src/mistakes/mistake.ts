import type { Tampering } from "../node/life.ts";

/** Something that a node may do wrong: a part of it replaced by a worse one, from outside. */
export interface Mistake {
  readonly name: string;
  readonly says: string;
  /** Which invariants it breaks, one of which must notice. */
  readonly breaks: readonly string[];
  /** Fresh for each world. */
  readonly tampering: () => Tampering;
}
