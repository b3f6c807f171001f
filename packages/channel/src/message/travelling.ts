import { AstraError } from "@astranet/transport";
import type { End } from "./kinds.ts";

/** An end that travels within a message: its first owner may not use it any more, and `fresh` is the same for the next one. */
export interface Travelling {
  readonly fresh: End;
  /** Hands it over. */
  move(): void;
  /** Gives it back to its first owner. */
  restore(): void;
  /** Nobody will have it. */
  discard(): void;
}

/** What becomes of ends whose message is dropped. */
export function dropped(): AstraError {
  return new AstraError("ECONNRESET", "the message that it travelled in was dropped");
}
