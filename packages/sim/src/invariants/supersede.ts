import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** A process may outbid others so often … */
const maxDefences = 2;
/** … within so long. Of its own clock, which may be a little fast. */
const windowMs = 29_900;
/** In which two processes under one id must find out, where nothing keeps them apart, and in which the one that has to go must be gone. */
const decideMs = 30_000;
/** What a process says may be under way, or held by somebody beyond a partition, for long after it is gone. */
const echoMs = 130_000;

/** A process under an id. */
interface Claim {
  readonly node: SimNode;
  readonly life: Life;
  /** When it took a newer incarnation. */
  bumpedAt: number[];
  incarnation: bigint;
  supersededAt: number | undefined;
}

interface Id {
  /** Of those that live. */
  readonly claims: Set<Claim>;
  /** The newest incarnation that anybody has taken. */
  newest: bigint;
  /** When two last lived at once. */
  sharedAt: number;
  /** Which of two must go, where it is clear: nobody had to outbid anything lately before they met. */
  older: Claim | undefined;
  /** When one of two first had to outbid the other. */
  contestedAt: number | undefined;
}

/**
 * R5: of two processes that live under one id the one of the older incarnation gives way and stops within 30 s, and never the other. Nobody outbids more than twice
 * within 30 s, so there are six generations of records at most. (Which one is older is clear unless one of them had to outbid an earlier life a moment ago, or they were
 * kept apart before it was decided.)
 */
export class SupersedeChecker implements Checker {
  readonly #ids = new Map<string, Id>();
  readonly #claims = new Map<Life, Claim>();

  began(node: SimNode, life: Life): void {
    const { store } = life;
    const { now } = node.world;
    const claim: Claim = { node, life, bumpedAt: [], incarnation: store.incarnation, supersededAt: undefined };
    const id = this.#ids.get(store.self) ?? { claims: new Set(), newest: 0n, sharedAt: -Infinity, older: undefined, contestedAt: undefined };
    this.#ids.set(store.self, id);
    id.older = olderOf(id, claim, now);
    id.contestedAt = undefined;
    id.claims.add(claim);
    this.#claims.set(life, claim);
    if (claim.incarnation > id.newest) id.newest = claim.incarnation;
    store.subscribe((origin, record) => {
      if (origin !== store.self || record !== undefined || store.incarnation === claim.incarnation) return;
      claim.incarnation = store.incarnation;
      if (id.claims.size > 1) id.contestedAt ??= node.world.now;
      if (claim.incarnation > id.newest) id.newest = claim.incarnation;
      claim.bumpedAt = [...claim.bumpedAt.filter((at) => at > node.world.now - windowMs), node.world.now];
      if (claim.bumpedAt.length > maxDefences) node.world.fail(new Violation("R5", `${node.name} outbids somebody for the third time within 30 s, instead of giving way`));
    });
  }

  ended(node: SimNode, life: Life): void {
    const claim = this.#claims.get(life);
    const id = this.#ids.get(life.router.id);
    this.#claims.delete(life);
    if (claim === undefined || id === undefined) return;
    if (id.claims.size > 1) id.sharedAt = node.world.now;
    id.claims.delete(claim);
    // With what it has left behind the one that stays may still have to deal.
    id.older = undefined;
  }

  superseded(node: SimNode, life: Life): void {
    const { world } = node;
    const id = this.#ids.get(life.router.id);
    const claim = this.#claims.get(life);
    if (id === undefined || claim === undefined || world.hasLiars) return;
    claim.supersededAt = world.now;
    if (id.claims.size < 2 && world.now - id.sharedAt > echoMs) world.fail(new Violation("R5", `${node.name} gives way, and nobody else lives under its id`));
    // Kept apart in the midst of it, for longer than defences count, they begin anew, and the one that was outbid last is the first that has to.
    const isOneContest = id.contestedAt !== undefined && world.now - id.contestedAt <= windowMs;
    if (isOneContest && id.older !== undefined && id.older !== claim) world.fail(new Violation("R5", `${node.name} gives way to ${id.older.node.name}, whose incarnation was older when they met`));
  }

  sweep(world: World): void {
    for (const { life, node, supersededAt } of this.#claims.values()) {
      if (supersededAt !== undefined && world.now - Math.max(supersededAt, node.resumedAt) > decideMs && !life.process.paused) throw new Violation("R5", `${node.name} has given way to another process, and has not stopped within 30 s`);
    }
    if (world.calmMs > decideMs) this.#checkDecided(world);
  }

  quiet(world: World): void {
    if (world.calmMs > decideMs) this.#checkDecided(world);
  }

  /** Nothing has kept them apart, or has happened to their links, for long. */
  #checkDecided(world: World): void {
    const isAlone = (id: string): boolean => (this.#ids.get(id)?.claims.size ?? 0) === 1;
    for (const { claims } of this.#ids.values()) {
      const living = [...claims].filter(({ supersededAt, life }) => supersededAt === undefined && !life.isClosing && !life.process.paused);
      if (living.length < 2) continue;
      const [a, b] = living.map(({ node }) => node) as [SimNode, SimNode];
      // Whoever waits to dial again is apart from the other, though nothing stands between them; and if each reaches a node of another id that two live under, it need not be the same one.
      const isJoined = world.nodes.some(({ life, id, relays }) => life !== undefined && relays && isAlone(id) && [a, b].every((end) => end.id !== id && end.running.router.reachability.cost(id) !== undefined));
      if (isJoined) throw new Violation("R5", `${a.name} and ${b.name} both live under one id, and neither has given way`);
    }
  }
}

function olderOf({ claims, newest }: Id, fresh: Claim, now: number): Claim | undefined {
  const [first, ...others] = claims;
  if (first === undefined || others.length > 0 || first.supersededAt !== undefined || first.incarnation < newest || first.incarnation === fresh.incarnation) return undefined;
  if (first.bumpedAt.some((at) => at > now - windowMs - 1000)) return undefined;
  return first.incarnation < fresh.incarnation ? first : fresh;
}
