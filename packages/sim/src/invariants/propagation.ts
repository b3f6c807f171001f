import type { StoredRecord } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import { TokenBucket } from "@astranet/transport";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";
import { SteadyLinks } from "./steady-links.ts";

/** A record that its origin wrote, and who has heard of it when. */
interface Change {
  readonly node: SimNode;
  readonly life: Life;
  readonly record: StoredRecord;
  readonly at: number;
  readonly heard: Map<Life, number>;
  /** Who knew of a younger life of the origin then, another process under its key: it takes nothing of an older one until it forgets that. */
  readonly deaf: ReadonlySet<Life>;
}

/** What a link may still have to bring after something happened to it, before it is as quick as it says. */
const settleMs = 2000;
/** So old a change is judged. Ways that may take longer are not. */
const judgedAfterMs = 2000;
/** For what happens at no cost of its own. */
const slackMs = 50;
/** A node tells so many changes of a kind at once, and so many a second; those beyond wait for a second. One less, for roundings. */
const [ownBurst, ownPerSecond, ownWaitMs] = [99, 9.9, 1000];

/**
 * C3: a record that its origin writes is known, a latency and a batch for each hop later and 50 ms, to every node that is joined with it by nodes that forward.
 * Judged only over links to which nothing happened from two seconds before until the judgement: what misses a flood is repaired by digests, which takes longer.
 */
export class PropagationChecker implements Checker {
  readonly #links = new SteadyLinks();
  readonly #changes = new Map<string, Change[]>();
  readonly #told = new WeakMap<Life, Map<number, { readonly bucket: TokenBucket; scarceAt: number }>>();

  began(node: SimNode, life: Life): void {
    const { store } = life;
    store.subscribe((origin, record) => {
      if (record === undefined) return;
      if (origin === store.self) this.#wrote(node, life, record);
      else this.#heard(life, record, node.world.now);
    });
  }

  ended(_node: SimNode, life: Life): void {
    this.#links.ended(life);
  }

  routerEvent(node: SimNode, life: Life, event: RouterEvent): void {
    this.#links.routerEvent(life, event, node.world.now);
  }

  sweep(world: World): void {
    const judged: Change[] = [];
    for (const [origin, changes] of this.#changes) {
      const young = changes.findIndex(({ at }) => at > world.now - judgedAfterMs);
      judged.push(...changes.splice(0, young === -1 ? changes.length : young));
      if (changes.length === 0) this.#changes.delete(origin);
    }
    if (judged.length === 0 || world.losesFloods) return;
    const graph = this.#links.since(world, Math.min(...judged.map(({ at }) => at)) - settleMs);
    const reaches = new Map<Life, ReadonlyMap<Life, number>>();
    for (const change of judged) {
      const { life, record, heard } = change;
      const deaf = new Set([...change.deaf, ...knowingYounger(world, record).filter((each) => !heard.has(each))]);
      // Who is deaf is no way to others either.
      const reach = deaf.size > 0 ? graph.reach(life, deaf) : (reaches.get(life) ?? graph.reach(life));
      if (deaf.size === 0) reaches.set(life, reach);
      for (const [other, ms] of reach) judge(change, other, ms + slackMs, world.now);
    }
  }

  #wrote(node: SimNode, life: Life, record: StoredRecord): void {
    if (this.#isHeldBack(life, record.slot >> 8)) return;
    const change: Change = { node, life, record, at: node.world.now, heard: new Map(), deaf: new Set(knowingYounger(node.world, record)) };
    const changes = this.#changes.get(record.origin);
    if (changes === undefined) this.#changes.set(record.origin, [change]);
    else changes.push(change);
  }

  #heard(life: Life, { origin, incarnation, slot, seq }: StoredRecord, now: number): void {
    for (const { record, heard } of this.#changes.get(origin) ?? []) {
      const isCovered = incarnation > record.incarnation || (incarnation === record.incarnation && slot === record.slot && seq >= record.seq);
      if (isCovered && !heard.has(life)) heard.set(life, now);
    }
  }

  /** Whether the origin may tell of it later, because it has told so much: with a little more patience than it has itself. */
  #isHeldBack(life: Life, kind: number): boolean {
    const kinds = this.#told.get(life) ?? new Map<number, { readonly bucket: TokenBucket; scarceAt: number }>();
    this.#told.set(life, kinds);
    const told = kinds.get(kind) ?? { bucket: new TokenBucket(life.process, ownBurst, ownPerSecond), scarceAt: -Infinity };
    kinds.set(kind, told);
    if (!told.bucket.tryTake()) told.scarceAt = life.process.now();
    return life.process.now() - told.scarceAt <= ownWaitMs + slackMs;
  }
}

/** Who knows what another process under the same key has said, or an earlier life whose clock was ahead, which will be outbid. */
function knowingYounger({ nodes }: World, { origin, incarnation }: StoredRecord): Life[] {
  return nodes.flatMap(({ life }) => (life !== undefined && (life.store.incarnationOf(origin) ?? incarnation) > incarnation ? [life] : []));
}

function judge({ node, record, at, heard }: Change, other: Life, boundMs: number, now: number): void {
  const heardAt = heard.get(other);
  if (now - at <= boundMs || (heardAt ?? Infinity) - at <= boundMs) return;
  const { origin, incarnation, slot, seq } = record;
  const name = node.world.nodes.find(({ life }) => life === other)?.name ?? "a node";
  throw new Violation(
    "C3",
    `${name} ${heardAt === undefined ? "has not heard" : `heard only ${Math.round(heardAt - at)} ms later`} of ${incarnation}/${slot.toString(16)}/${seq}, which ${node.name} (${origin}) wrote at ${at.toFixed(3)}, ` +
      `though nothing happened to the links between them, which take ${Math.round(boundMs)} ms at most`,
  );
}
