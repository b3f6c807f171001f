import type { Item } from "./item.ts";

/** One of several things to wait for: whatever happens first wins, and the others are void. */
export class Choice {
  settled = false;
}

/** Who waits for a message. */
export interface Taker {
  /** Undefined: it waits for nothing else. */
  readonly choice: Choice | undefined;
  take(item: Item): void;
  /** There will be none. `failure`: because something broke. */
  over(failure: Failure | undefined): void;
}

/** Who waits for a place for a message. */
export interface Putter {
  readonly choice: Choice | undefined;
  readonly item: Item;
  taken(): void;
  /** Nobody will take it. */
  failed(error: unknown): void;
}

/** Why something is over before its end. */
export interface Failure {
  readonly reason: unknown;
  /** It broke by itself: `reason` is what broke it, and nothing that somebody gave. */
  readonly broke: boolean;
}
