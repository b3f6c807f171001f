import type { RouterEvent } from "@astranet/router";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { World } from "../world.ts";

/** A link to a neighbour, from the view of one of its ends. */
interface End {
  /** Several may be up for a moment, when both sides dialled. */
  links: number;
  changedAt: number;
}

interface Hop {
  readonly to: Life;
  /** How long a record may take over it: on the wire, and in a batch before that. */
  readonly ms: number;
}

/** Changes that come closely one after the other leave together, after so long: see docs/replication.md. */
const batchMs = 20;

/** Follows which links are up at both their ends, and since when nothing has happened to them. */
export class SteadyLinks {
  readonly #ends = new Map<Life, Map<string, End>>();

  routerEvent(life: Life, event: RouterEvent, now: number): void {
    if (event.type !== "linkup" && event.type !== "linkdown") return;
    const ends = this.#ends.get(life) ?? new Map<string, End>();
    this.#ends.set(life, ends);
    const end = ends.get(event.peer) ?? { links: 0, changedAt: now };
    ends.set(event.peer, end);
    end.links += event.type === "linkup" ? 1 : -1;
    end.changedAt = now;
  }

  ended(life: Life): void {
    this.#ends.delete(life);
  }

  /** The links to which nothing has happened since then, with both their nodes. */
  since(world: World, then: number): SteadyGraph {
    const byId = new Map<string, SimNode | undefined>();
    const up = new Map<Life, ReadonlySet<string>>();
    // Of two processes under one id nobody can say which one a link is with.
    for (const node of world.nodes) if (node.isRunning) byId.set(node.id, byId.has(node.id) ? undefined : node);
    for (const node of byId.values()) if (node !== undefined && isSteady(node, then)) up.set(node.running, new Set(node.running.router.links.flatMap(({ peer, state }) => (state === "up" && peer !== undefined ? [peer] : []))));
    const hops = new Map<Life, Hop[]>();
    const forwarding = new Set<Life>();
    for (const node of byId.values()) {
      const life = node?.life;
      if (node === undefined || life === undefined || !up.has(life)) continue;
      hops.set(life, this.#hopsFrom(world, node, life, byId, up, then));
      if (node.relays && world.network.listenerAt(node.address)?.process === life.process) forwarding.add(life);
    }
    return new SteadyGraph(hops, forwarding);
  }

  #hopsFrom(world: World, node: SimNode, life: Life, byId: ReadonlyMap<string, SimNode | undefined>, up: ReadonlyMap<Life, ReadonlySet<string>>, then: number): Hop[] {
    const hops: Hop[] = [];
    for (const [peer, end] of this.#ends.get(life) ?? []) {
      const other = byId.get(peer);
      const theirs = other?.life === undefined ? undefined : this.#ends.get(other.life)?.get(node.id);
      if (other?.life === undefined || theirs === undefined || end.changedAt > then || theirs.changedAt > then) continue;
      if (up.get(life)?.has(peer) !== true || up.get(other.life)?.has(node.id) !== true) continue;
      const [there, back] = [world.network.path(node.host, other.host), world.network.path(other.host, node.host)];
      // Where bandwidth is short, word of a change waits behind other bytes.
      const isGood = [there, back].every(({ changedAt, stalled, conditions }) => changedAt <= then && stalled === 0 && !conditions.blocked && conditions.bytesPerSecond === Number.POSITIVE_INFINITY);
      if (isGood) hops.push({ to: other.life, ms: there.conditions.latencyMs + there.conditions.jitterMs + batchMs });
    }
    return hops;
  }
}

function isSteady(node: SimNode, then: number): boolean {
  const { life, world, resumedAt, host } = node;
  return life !== undefined && !life.isClosing && !life.process.paused && life.process.startedAt <= then && resumedAt <= then && !world.network.isDown(host);
}

/** Processes, and the links between them that nothing has happened to. */
export class SteadyGraph {
  readonly #hops: ReadonlyMap<Life, readonly Hop[]>;
  readonly #forwarding: ReadonlySet<Life>;

  constructor(hops: ReadonlyMap<Life, readonly Hop[]>, forwarding: ReadonlySet<Life>) {
    this.#hops = hops;
    this.#forwarding = forwarding;
  }

  /**
   * Within how many milliseconds a change at `from` is known to each process that it must reach, on the quickest way through those that forward, and
   * that are not among the `deaf`, which take no such change.
   */
  reach(from: Life, deaf: ReadonlySet<Life> = new Set()): ReadonlyMap<Life, number> {
    const known = new Map<Life, number>([[from, 0]]);
    const due = new Set<Life>([from]);
    while (due.size > 0) {
      const [next] = [...due].sort((a, b) => known.get(a)! - known.get(b)!);
      due.delete(next!);
      if (next !== from && !this.#forwarding.has(next!)) continue;
      for (const { to, ms } of this.#hops.get(next!) ?? []) {
        const at = known.get(next!)! + ms;
        if (at >= (known.get(to) ?? Infinity) || deaf.has(to)) continue;
        known.set(to, at);
        due.add(to);
      }
    }
    known.delete(from);
    return known;
  }
}
