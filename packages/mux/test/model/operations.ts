import type { SeededRandom } from "./random.ts";

/** What one end may do next, and how often it does. */
const weights = {
  open: 9,
  accept: 8,
  write: 12,
  writeMany: 3,
  tryWrite: 4,
  ready: 2,
  end: 4,
  endWith: 2,
  read: 9,
  tryRead: 7,
  readAll: 4,
  iterate: 2.6,
  stop: 1.8,
  reset: 1.8,
  closeStream: 1.8,
  abortWriting: 1.8,
  acceptStream: 4,
  refuse: 2,
  readDeadline: 2.2,
  writeDeadline: 2.2,
  abortRead: 2.2,
  abortWrite: 2.2,
  abortAccept: 1.5,
  urgency: 2,
  attach: 6,
  consume: 10,
  ping: 1.6,
  goAway: 1.05,
  closeSession: 1.05,
  die: 1.1,
  advance: 5,
  step: 7,
  settle: 8,
} as const;

export type Kind = keyof typeof weights;

/**
 * One step. `side` acts, on the stream that `pick` chooses among those it has; `a` and `b` are sizes, codes, choices. All
 * are taken modulo what there is, so that a list of operations means something whatever is left out of it.
 */
export interface Operation {
  readonly kind: Kind;
  readonly side: 0 | 1;
  readonly pick: number;
  readonly a: number;
  readonly b: number;
}

export const kinds = Object.keys(weights) as Kind[];
const total = kinds.reduce((sum, kind) => sum + weights[kind], 0);

export function randomOperations(random: SeededRandom, count: number): Operation[] {
  return Array.from({ length: count }, () => ({
    kind: randomKind(random),
    side: random.below(2) as 0 | 1,
    pick: random.next(),
    a: random.next(),
    b: random.next(),
  }));
}

function randomKind(random: SeededRandom): Kind {
  let at = (random.next() / 2 ** 32) * total;
  for (const kind of kinds) {
    at -= weights[kind];
    if (at < 0) return kind;
  }
  return "settle";
}
