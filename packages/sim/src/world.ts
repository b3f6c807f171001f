import type { StoredRecord } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import type { Clock } from "@astranet/transport";
import type { Checker } from "./invariants/checker.ts";
import { Network } from "./net/network.ts";
import type { PathConditions } from "./net/path.ts";
import type { Life } from "./node/life.ts";
import { SimNode, type SimNodeOptions } from "./node/sim-node.ts";
import type { SimEvent } from "./time/event-queue.ts";
import { Process } from "./time/process.ts";
import { SeededRandom } from "./time/seeded-random.ts";
import { Timeline } from "./time/timeline.ts";
import { Trace } from "./trace.ts";

/** What a World is made with. */
export interface WorldOptions {
  /** The same seed and the same calls give the same run, event for event and byte for byte. */
  readonly seed: number;
  /** Between any two hosts, until it is changed. Default: 1 ms, no limit. */
  readonly conditions?: Partial<PathConditions>;
  /** What must hold. Default: nothing is checked. */
  readonly checkers?: readonly Checker[];
  /** For every node, unless it says otherwise. */
  readonly node?: SimNodeOptions;
  /** How often what need not be checked after every event is. Default 1,000. */
  readonly sweepMs?: number;
}

/** Nodes of the real packages on a simulated network, in virtual time. */
export class World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly trace: Trace = new Trace();
  readonly timeline: Timeline;
  readonly network: Network;
  readonly nodes: SimNode[] = [];
  /** The world's own, for what belongs to no node. */
  readonly clock: Clock;
  /** Whether somebody sends what breaks the protocol: then being caught is no mistake. */
  hasLiars = false;
  /** Whether somebody misses records on purpose: that word of them is late is no mistake then. */
  losesFloods = false;
  readonly #options: WorldOptions;
  readonly #checkers: readonly Checker[];
  readonly #onsuperseded: ((node: SimNode) => void)[] = [];
  /** When a record last changed anywhere. */
  #changedAt = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.#options = options;
    this.random = new SeededRandom(options.seed, "world");
    this.timeline = new Timeline({ before: (event) => this.#before(event), after: () => this.#after() });
    this.clock = new Process(this.timeline, "world", -1);
    const { conditions } = options;
    this.network = new Network({ timeline: this.timeline, random: this.random.fork("network"), trace: this.trace, ...(conditions === undefined ? {} : { conditions }) });
    this.#checkers = options.checkers ?? [];
    for (const checker of this.#checkers) checker.attach?.(this);
    if (this.#checkers.some((checker) => checker.sweep !== undefined)) this.#sweepLater();
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.timeline.now;
  }

  /** A node that does not run yet. */
  add(options: SimNodeOptions = {}): SimNode {
    const node = new SimNode(this, this.nodes.length, { ...this.#options.node, ...options });
    this.nodes.push(node);
    return node;
  }

  /** Nodes that run. */
  addRunning(count: number): SimNode[] {
    return Array.from({ length: count }, () => {
      const node = this.add();
      node.start();
      return node;
    });
  }

  /** Every host with a node. */
  get hosts(): string[] {
    return [...new Set(this.nodes.map(({ host }) => host))];
  }

  /** Does something at a later moment. */
  after(ms: number, what: string, run: () => void): void {
    this.timeline.at(this.now + ms, undefined, what, run);
  }

  /** Lets `ms` pass. Rejects with the Violation of the first invariant that does not hold, and with whatever else goes wrong. */
  async run(ms: number): Promise<void> {
    await this.timeline.run(ms);
    this.#rethrow();
  }

  /** Lets time pass until `done()`; rejects as `run` does. False where that did not happen within `ms`. */
  async runUntil(done: () => boolean, ms: number): Promise<boolean> {
    const happened = await this.timeline.runUntil(done, ms);
    this.#rethrow();
    return happened;
  }

  /** Runs to the end of a promise; throws where that is not within `ms`. */
  async settle<T>(promise: Promise<T>, ms: number): Promise<T> {
    let over = false;
    const note = (): void => {
      over = true;
    };
    promise.then(note, note);
    if (!(await this.runUntil(() => over, ms))) throw new Error(`a promise was not settled within ${ms} ms of virtual time`);
    return promise;
  }

  /** Something went wrong; the first one counts, and ends the run after this event. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Nothing is done to the network any more: waits until no record has changed for a second (what is under way arrives), for a minute at most, and checks what
   * must hold then.
   */
  async quiet(): Promise<void> {
    await this.runUntil(() => this.now - this.#changedAt > 1000, 60_000);
    for (const checker of this.#checkers) checker.quiet?.(this);
  }

  /** The nodes to which `from` should have a way, once all is quiet: over links that somebody wants and nothing stands between, through nodes that relay. */
  reachableFrom(from: SimNode): Set<SimNode> {
    const reached = new Set<SimNode>([from]);
    for (const node of reached) {
      if (node !== from && !node.relays) continue;
      for (const other of this.nodes) {
        if (other.isRunning && !reached.has(other) && this.isOpen(node, other) && (node.wants.has(other.address) || other.wants.has(node.address))) reached.add(other);
      }
    }
    reached.delete(from);
    return reached;
  }

  /** Whether several processes live under one id. In parts of a network that nothing joins they do so in peace. */
  isShared(id: string): boolean {
    return this.nodes.filter(({ life }) => life?.router.id === id).length > 1;
  }

  /** Whether bytes get through between two nodes' hosts, both ways. */
  isOpen(a: SimNode, b: SimNode): boolean {
    return !this.network.path(a.host, b.host).conditions.blocked && !this.network.path(b.host, a.host).conditions.blocked;
  }

  /** Something was done to the network or its nodes. */
  disturbed(): void {
    this.network.disturb();
  }

  /** A liar makes this record up: nodes that believe it make no mistake. */
  allow(record: StoredRecord): void {
    for (const checker of this.#checkers) checker.allow?.(record);
  }

  /** For how long nothing was done to the network or its nodes, and no link came or went. */
  get calmMs(): number {
    return this.now - this.network.disturbedAt;
  }

  /** @internal */
  began(node: SimNode, life: Life): void {
    this.disturbed();
    life.store.subscribe(() => {
      this.#changedAt = this.now;
    });
    for (const checker of this.#checkers) checker.began?.(node, life);
  }

  /** A process has given way to another one under its id. @internal */
  superseded(node: SimNode, life: Life): void {
    for (const checker of this.#checkers) checker.superseded?.(node, life);
    for (const callback of this.#onsuperseded) callback(node);
  }

  /** Calls `callback` with each node whose process has given way to another one under its id. */
  onsuperseded(callback: (node: SimNode) => void): void {
    this.#onsuperseded.push(callback);
  }

  /** Its process has closed everything, and is about to exit. @internal */
  exited(node: SimNode, life: Life): void {
    for (const checker of this.#checkers) checker.exited?.(node, life);
  }

  /** @internal */
  ended(node: SimNode, life: Life): void {
    this.disturbed();
    for (const checker of this.#checkers) checker.ended?.(node, life);
  }

  /** @internal */
  routerEvent(node: SimNode, life: Life, event: RouterEvent): void {
    for (const checker of this.#checkers) checker.routerEvent?.(node, life, event);
    if (event.type === "linkup" || event.type === "linkdown") this.disturbed();
  }

  #before(event: SimEvent): void {
    const { at, owner, kind } = event;
    this.trace.add(at, owner?.name ?? "", kind);
  }

  #after(): void {
    for (const checker of this.#checkers) checker.afterEvent?.(this);
    this.#rethrow();
  }

  #sweepLater(): void {
    this.after(this.#options.sweepMs ?? 1000, "sweep", () => {
      for (const checker of this.#checkers) checker.sweep?.(this);
      this.#sweepLater();
    });
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
