import type { Counts, Mesh } from "./mesh.ts";
import { spreadOf, type Spread } from "./spread.ts";
import { replicaKinds } from "./traffic.ts";

/** What happened in a stretch of virtual time, a node. */
export interface Phase {
  /** How long what was waited for took. */
  readonly ms: number;
  /** Messages about records that a node sent: records, and what stores are compared with. */
  readonly messages: Spread;
  /** … their bytes. */
  readonly bytes: Spread;
  /** Everything that it sent, pings and the like included. */
  readonly wireBytes: Spread;
  /** Copies of records that came to it. */
  readonly copies: Spread;
  /** … and were of no use. */
  readonly redundant: Spread;
  /** How many messages of each kind all of them sent together. */
  readonly kinds: Readonly<Record<string, number>>;
}

interface Figures {
  readonly messages: number;
  readonly bytes: number;
  readonly wireBytes: number;
  readonly copies: number;
  readonly redundant: number;
  readonly kinds: ReadonlyMap<string, number>;
}

/** Measures what happens while `run` does, which gives how long that which was waited for took: `ms`. */
export async function measurePhase(mesh: Mesh, run: () => Promise<number>): Promise<Phase> {
  const { nodes } = mesh;
  const before = nodes.map((node) => figuresOf(mesh.countsOf(node)));
  const ms = await run();
  const after = nodes.map((node) => figuresOf(mesh.countsOf(node)));
  const spread = (figure: Exclude<keyof Figures, "kinds">): Spread => spreadOf(after.map((now, i) => now[figure] - before[i]![figure]));
  const kinds: Record<string, number> = {};
  for (const [i, now] of after.entries()) {
    for (const [kind, count] of now.kinds) {
      const sent = count - (before[i]!.kinds.get(kind) ?? 0);
      if (sent > 0) kinds[kind] = (kinds[kind] ?? 0) + sent;
    }
  }
  return { ms, messages: spread("messages"), bytes: spread("bytes"), wireBytes: spread("wireBytes"), copies: spread("copies"), redundant: spread("redundant"), kinds };
}

function figuresOf({ traffic, store }: Counts): Figures {
  const sum = (counts: ReadonlyMap<string, number>): number => replicaKinds.reduce((total, kind) => total + (counts.get(kind) ?? 0), 0);
  return { messages: sum(traffic.messages), bytes: sum(traffic.bytes), wireBytes: traffic.wireBytes, copies: store.copies, redundant: store.redundant, kinds: new Map(traffic.messages) };
}
