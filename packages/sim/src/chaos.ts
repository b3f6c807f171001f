import type { SocketDeath } from "./net/sim-connection.ts";
import type { SimNode } from "./node/sim-node.ts";
import type { SeededRandom } from "./time/seeded-random.ts";
import type { Workload } from "./workload.ts";
import type { World } from "./world.ts";

/** What Chaos is made with. */
export interface ChaosOptions {
  /** How long it goes on, in milliseconds. */
  readonly forMs: number;
  /** Between two of its deeds, on average. Default 2,500. */
  readonly everyMs?: number;
}

type Deed = (chaos: Chaos, node: SimNode) => void;

/** What it does, and how often in relation to the others. */
const deeds: readonly (readonly [weight: number, deed: Deed])[] = [
  [30, (chaos, node) => chaos.talk(node)],
  [10, (chaos, node) => chaos.offerOrClose(node)],
  [6, (chaos, node) => chaos.crash(node)],
  [3, (chaos, node) => chaos.cutPower(node)],
  [3, (chaos, node) => chaos.leave(node)],
  [4, (chaos, node) => chaos.pause(node)],
  [5, (chaos, node) => chaos.block(node)],
  [2, (chaos) => chaos.partition()],
  [4, (chaos, node) => chaos.slow(node)],
  [5, (chaos, node) => chaos.stall(node)],
  [4, (chaos, node) => chaos.forget(node)],
  [5, (chaos, node) => chaos.setClock(node)],
  [3, (chaos, node) => chaos.fidget(node)],
  [3, (chaos, node) => chaos.rewire(node)],
  [1, (chaos, node) => chaos.double(node)],
];

/** Each is a node more for the rest of the run. */
const maxDoubles = 3;

/** Does to a world what the worst of networks and machines do, as its seed says; and puts everything right in the end. */
export class Chaos {
  readonly #world: World;
  readonly #workload: Workload;
  readonly #random: SeededRandom;
  readonly #options: ChaosOptions;
  readonly #endsAt: number;
  #partitioned = false;
  #doubles = 0;

  constructor(world: World, workload: Workload, options: ChaosOptions) {
    this.#world = world;
    this.#workload = workload;
    this.#options = options;
    this.#random = world.random.fork("chaos");
    this.#endsAt = world.now + options.forMs;
    // Somebody gives it a key of its own.
    world.onsuperseded((node) => {
      world.after(this.#random.between(6000, 20_000), "rename", () => this.#begin(node, true));
    });
    this.#next();
    world.after(options.forMs, "peace", () => this.#makePeace());
  }

  #next(): void {
    const { everyMs = 2500 } = this.#options;
    const waitMs = this.#random.between(0, 2 * everyMs);
    if (this.#world.now + waitMs >= this.#endsAt) return;
    this.#world.after(waitMs, "chaos", () => {
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const total = deeds.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#random.unit() * total;
    const chosen = deeds.find(([weight]) => (left -= weight) < 0) ?? deeds[0]!;
    chosen[1](this, this.#random.pick(this.#world.nodes));
  }

  talk(node: SimNode): void {
    if (!node.isRunning) return;
    const other = this.#random.pick(this.#world.nodes);
    for (let i = this.#random.integer(1, 4); i > 0; i -= 1) this.#workload.talk(node, this.#random.chance(0.3) ? "shared" : `echo-${other.number}`, this.#random);
  }

  offerOrClose(node: SimNode): void {
    const offers = [...(node.life?.offers ?? [])];
    if (!node.isRunning || node.running.isClosing) return;
    if (offers.length === 0 || (offers.length < 4 && this.#random.chance(0.5))) this.offer(node, this.#random.pick(["shared", `echo-${node.number}`, `extra-${this.#random.integer(0, 3)}`, `only-${this.#random.integer(0, 1)}`]));
    else {
      const { listener } = this.#random.pick(offers);
      void (this.#random.chance(0.5) ? listener.close() : listener.drain());
    }
  }

  offer(node: SimNode, name: string): void {
    if (!node.isRunning || node.running.isClosing) return;
    this.#workload.offerEcho(node, name, { env: this.#random.chance(0.1) ? "other" : "", exclusive: name.startsWith("only-") });
  }

  crash(node: SimNode): void {
    if (!node.isRunning) return;
    node.crash(this.#random.pick<SocketDeath>(["reset", "reset", "fin", "silent"]));
    this.#restart(node, this.#random.between(0, 8000));
  }

  /** The machine loses its power, with all that it was about to say, and has it back later. */
  cutPower(node: SimNode): void {
    if (!node.isRunning) return;
    this.#world.network.setDown(node.host, true);
    node.crash("silent");
    this.#world.after(this.#random.between(1000, 40_000), "power", () => {
      this.#world.network.setDown(node.host, false);
      this.#restart(node, this.#random.between(0, 2000));
    });
  }

  leave(node: SimNode): void {
    if (!node.isRunning || node.running.isClosing) return;
    const { process } = node.running;
    void node.stop().then(() => this.#restart(node, this.#random.between(0, 5000)));
    // Its supervisor has little patience.
    this.#world.after(30_000, "supervisor", () => {
      if (node.life?.process !== process) return;
      node.crash();
      this.#restart(node, 0);
    });
  }

  pause(node: SimNode): void {
    if (!node.isRunning) return;
    const { process } = node.running;
    node.pause({ counts: this.#random.chance(0.5) });
    const forMs = this.#random.pick([this.#random.between(10, 2000), this.#random.between(2000, 60_000)]);
    this.#world.after(forMs, "resume", () => {
      if (node.life?.process === process) node.resume();
    });
  }

  block(node: SimNode): void {
    const other = this.#random.pick(this.#world.nodes);
    const { network } = this.#world;
    const paths = this.#random.pick([[network.path(node.host, other.host)], [network.path(node.host, other.host), network.path(other.host, node.host)]]);
    if (node === other || this.#partitioned) return;
    for (const path of paths) path.change({ blocked: true });
    this.#world.after(this.#random.between(100, 45_000), "unblock", () => {
      if (!this.#partitioned) for (const path of paths) path.change({ blocked: false });
    });
  }

  partition(): void {
    if (this.#partitioned) return;
    this.#partitioned = true;
    const { network, hosts } = this.#world;
    const left = hosts.filter(() => this.#random.chance(0.5));
    network.partition([left, hosts.filter((host) => !left.includes(host))], hosts);
    this.#world.after(this.#random.between(1000, 120_000), "heal", () => {
      network.partition(undefined, hosts);
      this.#partitioned = false;
    });
  }

  slow(node: SimNode): void {
    const other = this.#random.pick(this.#world.nodes);
    if (node === other) return;
    this.#world.network.between(node.host, other.host, {
      latencyMs: this.#random.pick([0.1, 5, 50, 300]),
      jitterMs: this.#random.pick([0, 1, 30]),
      bytesPerSecond: this.#random.pick([Number.POSITIVE_INFINITY, 20_000, 1_000_000]),
      sliceBytes: this.#random.pick([65_536, 1400, 97]),
    });
  }

  stall(node: SimNode): void {
    const ends = [...this.#world.network.connections()].flat().filter((end) => end.process === node.life?.process);
    if (ends.length === 0) return;
    const { out } = this.#random.pick(ends);
    out.stalled = true;
    this.#world.after(this.#random.between(100, 30_000), "go on", () => {
      out.stalled = false;
    });
  }

  forget(node: SimNode): void {
    const ends = [...this.#world.network.connections()].flat().filter((end) => end.process === node.life?.process && !end.gone);
    if (ends.length === 0) return;
    this.#world.disturbed();
    this.#random.pick(ends).forget();
  }

  /** Its time of day jumps; the next process there begins under it. */
  setClock(node: SimNode): void {
    node.wallOffsetMs = this.#random.pick([0, -3_600_000, -1000, 1000, 3_600_000]);
    if (!node.isRunning || this.#random.chance(0.5)) return;
    node.crash("reset");
    node.start();
    this.offer(node, `echo-${node.number}`);
  }

  /** Services come and go faster than the network can tell. */
  fidget(node: SimNode): void {
    const { life } = node;
    for (let i = 0, atMs = 0; i < 12; i += 1, atMs += this.#random.between(0, 60)) {
      this.#world.after(atMs, "fidget", () => {
        if (node.life === life) this.offerOrClose(node);
      });
    }
  }

  rewire(node: SimNode): void {
    const other = this.#random.pick(this.#world.nodes);
    if (node === other) return;
    this.#world.disturbed();
    if (node.wants.has(other.address)) node.leave(other.address);
    else node.join(other.address);
  }

  /** Somebody copies its key to another machine, where a second process starts under it. */
  double(node: SimNode): void {
    const world = this.#world;
    if (!node.isRunning || this.#doubles >= maxDoubles || world.nodes.some((other) => other !== node && other.id === node.id)) return;
    const others = world.nodes.filter((other) => other !== node);
    if (others.length === 0) return;
    this.#doubles += 1;
    const double = world.add({ identity: node.identity });
    double.wallOffsetMs = this.#random.pick([0, 0, node.wallOffsetMs]);
    for (let i = this.#random.integer(1, 2); i > 0; i -= 1) double.wants.add(this.#random.pick(others).address);
    this.#begin(double, false);
  }

  #restart(node: SimNode, afterMs: number): void {
    this.#world.after(afterMs, "restart", () => {
      if (!this.#world.network.isDown(node.host)) this.#begin(node, this.#random.chance(0.3));
    });
  }

  #begin(node: SimNode, anew: boolean): void {
    if (node.isRunning) return;
    node.start({ anew });
    this.offer(node, `echo-${node.number}`);
  }

  #makePeace(): void {
    const { network, hosts, nodes } = this.#world;
    this.#partitioned = true;
    this.#world.after(50_000, "peace", () => {
      network.partition(undefined, hosts);
      for (const from of hosts) for (const to of hosts) if (from !== to) network.path(from, to).change({ blocked: false, bytesPerSecond: Number.POSITIVE_INFINITY, sliceBytes: 65_536, latencyMs: 5, jitterMs: 0 });
      for (const pair of network.connections()) for (const end of pair) if (end.out.stalled) end.out.stalled = false;
      for (const node of nodes) {
        network.setDown(node.host, false);
        if (node.life?.process.paused === true) node.resume();
        this.#begin(node, nodes.some((other) => other !== node && other.isRunning && other.id === node.id));
      }
    });
  }
}
