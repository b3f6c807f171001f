import type { Connection, ListenInit } from "@astranet/transport";
import { AstraError } from "@astranet/transport";
import type { Process } from "../time/process.ts";
import type { SeededRandom } from "../time/seeded-random.ts";
import type { Timeline } from "../time/timeline.ts";
import type { Trace } from "../trace.ts";
import { Lane } from "./lane.ts";
import { Path, goodPath, type PathConditions } from "./path.ts";
import { SimConnection } from "./sim-connection.ts";

/** What listens at an address. */
export interface Listening {
  readonly process: Process;
  readonly init: ListenInit;
}

/** What a Network is made with. */
export interface NetworkInit {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly trace: Trace;
  /** Between any two hosts, until it is changed. */
  readonly conditions?: Partial<PathConditions>;
}

/** The network below the network: hosts, the paths between them, who listens where, every connection. */
export class Network {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly #defaults: PathConditions;
  readonly #paths = new Map<string, Path>();
  readonly #listeners = new Map<string, Listening>();
  readonly #down = new Set<string>();
  readonly #waitingForHosts = new Map<string, Set<() => void>>();
  readonly #connections = new Set<readonly [SimConnection, SimConnection]>();
  #ports = 40_000;
  /** When the network last changed for better or worse. */
  disturbedAt = 0;

  constructor(init: NetworkInit) {
    this.timeline = init.timeline;
    this.random = init.random;
    this.trace = init.trace;
    this.#defaults = { ...goodPath, ...init.conditions };
  }

  /** Something happens that nodes may notice. */
  disturb(): void {
    this.disturbedAt = this.timeline.now;
  }

  /** The way from one host to another. */
  path(from: string, to: string): Path {
    const key = `${from}>${to}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = new Path(from, to, from === to ? goodPath : this.#defaults, (changed) => {
        changed.changedAt = this.timeline.now;
        this.disturb();
      });
      this.#paths.set(key, path);
    }
    return path;
  }

  /** Changes the way between two hosts, in both directions. */
  between(a: string, b: string, change: Partial<PathConditions>): void {
    this.path(a, b).change(change);
    this.path(b, a).change(change);
  }

  /** Only hosts of one group reach each other from now on; `undefined` joins all hosts again. A host in no group reaches nobody. */
  partition(groups: readonly (readonly string[])[] | undefined, hosts: readonly string[]): void {
    const groupOf = (host: string): number => groups?.findIndex((group) => group.includes(host)) ?? 0;
    for (const from of hosts) for (const to of hosts) if (from !== to) this.path(from, to).change({ blocked: groupOf(from) !== groupOf(to) || groupOf(from) === -1 });
  }

  /** The connections of which one end at least still knows. */
  *connections(): IterableIterator<readonly [SimConnection, SimConnection]> {
    for (const pair of this.#connections) {
      if (pair[0].gone && pair[1].gone) this.#connections.delete(pair);
      else yield pair;
    }
  }

  isDown(host: string): boolean {
    return this.#down.has(host);
  }

  /** The host loses its power: nothing answers there, until it has it again. */
  setDown(host: string, down: boolean): void {
    this.disturb();
    if (down) {
      this.#down.add(host);
      return;
    }
    this.#down.delete(host);
    const waiting = this.#waitingForHosts.get(host);
    this.#waitingForHosts.delete(host);
    for (const wake of waiting ?? []) wake();
  }

  whenUp(host: string, wake: () => void): void {
    const waiting = this.#waitingForHosts.get(host) ?? new Set();
    waiting.add(wake);
    this.#waitingForHosts.set(host, waiting);
  }

  listenerAt(address: string): Listening | undefined {
    const listening = this.#listeners.get(address);
    return listening?.process.alive === true ? listening : undefined;
  }

  /** Throws EADDRINUSE. */
  listen(address: string, listening: Listening): () => void {
    if (this.listenerAt(address) !== undefined) throw new AstraError("EADDRINUSE", `somebody listens at ${address}`);
    this.#listeners.set(address, listening);
    return () => {
      if (this.#listeners.get(address) === listening) this.#listeners.delete(address);
    };
  }

  takePort(): number {
    return this.#ports++;
  }

  /** A connection between two processes, on the paths between their hosts. */
  connect(a: { process: Process; address: string }, b: { process: Process; address: string }): [a: SimConnection, b: SimConnection] {
    const { now } = this.timeline;
    const there = new Lane(this, this.path(hostOf(a.address), hostOf(b.address)));
    const back = new Lane(this, this.path(hostOf(b.address), hostOf(a.address)));
    const first = new SimConnection({ process: a.process, out: there, in: back, localAddress: a.address, remoteAddress: b.address, now: a.process.now() });
    const second = new SimConnection({ process: b.process, out: back, in: there, localAddress: b.address, remoteAddress: a.address, now: b.process.now() });
    there.join(first, second);
    back.join(second, first);
    this.#connections.add([first, second]);
    this.trace.add(now, a.process.name, "connected", b.address);
    return [first, second];
  }

  /** Hands an accepted connection to who listens. */
  accept(listening: Listening, connection: Connection): void {
    listening.process.run(() => listening.init.onconnection(connection));
  }
}

/** The host in `host:port`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
