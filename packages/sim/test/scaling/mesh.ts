import { SeededRandom, World, type SimNode } from "@astranet/sim";
import { CountingStore } from "./counting-store.ts";
import { drawLayout, type Layout } from "./layout.ts";
import { Traffic, tapped } from "./traffic.ts";

/** What a Mesh is made with. */
export interface MeshOptions {
  readonly nodes: number;
  readonly seed: number;
  /** One way, on every path. Default 5. */
  readonly latencyMs?: number;
  /** Services that each node offers, all of different names. Default 5. */
  readonly services?: number;
}

/** What a node has sent and got so far. */
export interface Counts {
  readonly traffic: Traffic;
  /** Of the life that runs, or ran last. */
  readonly store: CountingStore;
}

/** Nothing that is waited for takes longer. */
const maxMs = 600_000;

/** Routers, leaves and services in a world that checks nothing, with counters at every node. It does not run yet. */
export class Mesh {
  readonly world: World;
  readonly layout: Layout;
  readonly nodes: readonly SimNode[];
  readonly services: number;
  readonly #counts = new Map<SimNode, { traffic: Traffic; store?: CountingStore }>();
  /** When a record last changed anywhere. */
  #changedAt = 0;

  constructor({ nodes, seed, latencyMs = 5, services = 5 }: MeshOptions) {
    this.world = new World({ seed, conditions: { latencyMs } });
    this.layout = drawLayout(nodes, new SeededRandom(seed, "layout"));
    this.services = services;
    this.nodes = Array.from({ length: nodes }, (_, i) => this.#add(i < this.layout.routers));
    for (const [from, to] of this.layout.links) this.nodes[from]!.wants.add(this.nodes[to]!.address);
  }

  /** Every node starts, at one moment. */
  start(): void {
    for (const node of this.nodes) {
      const life = node.start();
      life.store.subscribe(() => {
        this.#changedAt = this.world.now;
      });
      for (let i = 0; i < this.services; i += 1) life.bind({ name: serviceName(node, i), onconn: (conn) => conn.reset() });
    }
  }

  countsOf(node: SimNode): Counts {
    const { traffic, store } = this.#counts.get(node)!;
    if (store === undefined) throw new Error(`${node.name} has not been started`);
    return { traffic, store };
  }

  /** The nodes that run. */
  get running(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isRunning);
  }

  /** Numbers of the nodes that have, or want, a link with this one. */
  neighboursOf(number: number): number[] {
    return this.layout.links.flatMap(([from, to]) => (from === number ? [to] : to === number ? [from] : []));
  }

  /** Lets time pass until it is so, which is asked after each event; gives how long that took. Throws when it is not so within 10 minutes. */
  async within(what: string, is: () => boolean): Promise<number> {
    const began = this.world.now;
    if (!(await this.world.runUntil(is, maxMs))) throw new Error(`not within ${maxMs} ms: ${what}`);
    return this.world.now - began;
  }

  /** Lets time pass until no record has changed anywhere for `quietMs`; gives how long it took until the last one did. */
  async rest(quietMs: number): Promise<number> {
    const began = this.world.now;
    await this.within("no record changes", () => this.world.now - Math.max(this.#changedAt, began) > quietMs);
    return Math.max(this.#changedAt - began, 0);
  }

  #add(isRouter: boolean): SimNode {
    const counts: { traffic: Traffic; store?: CountingStore } = { traffic: new Traffic() };
    const node = this.world.add({
      router: { role: isRouter ? "router" : "peer" },
      tampering: {
        store: (options) => (counts.store = new CountingStore(options)),
        transport: (transport) => tapped(transport, counts.traffic),
      },
    });
    this.#counts.set(node, counts);
    return node;
  }
}

/** What the service of a node is called. */
export function serviceName(node: SimNode, index: number): string {
  return `service-${node.number}-${index}`;
}
