import { RecordStore, ServiceDirectory } from "@astranet/discovery";
import { Router, type RouterEvent, type RouterOptions } from "@astranet/router";
import { MemoryTransport, memoryPair, type Connection, type MemoryOptions, type RandomSource } from "@astranet/transport";
import { VirtualClock } from "./virtual-clock.ts";

/** The same bytes for the same seed (mulberry32). */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}

/** The id whose last digits are `n`; a larger `n` is a higher id. */
export function idOf(n: number): string {
  return `a${n.toString(16).padStart(15, "0")}`;
}

/** A node of a {@link TestNetwork}, and all that it has told. */
export interface TestNode {
  readonly id: string;
  readonly router: Router;
  readonly store: RecordStore;
  readonly directory: ServiceDirectory;
  readonly events: RouterEvent[];
  /** The types of its events so far, and forgets them. */
  takeEvents(): string[];
}

type NodeOptions = Partial<Omit<RouterOptions, "store">> & { readonly incarnation?: bigint; readonly id?: string };

/** Nodes in virtual time, with a network of memory between them. */
export class TestNetwork {
  readonly clock = new VirtualClock();
  readonly transport: MemoryTransport;
  readonly #options: MemoryOptions;
  #made = 0;

  constructor(options: Omit<MemoryOptions, "clock"> = {}) {
    this.#options = { ...options, clock: this.clock };
    this.transport = new MemoryTransport(this.#options);
  }

  node(n: number, options: NodeOptions = {}): TestNode {
    const { incarnation = 1n, id = idOf(n), ...rest } = options;
    const store = new RecordStore({ self: id, incarnation });
    this.#made += 1;
    const router = new Router({ store, transports: [this.transport], clock: this.clock, random: seededRandom(n * 1000 + this.#made), ...rest });
    const directory = new ServiceDirectory({ store, reachability: router.reachability });
    const events: RouterEvent[] = [];
    router.subscribe((event) => events.push(event));
    return { id, router, store, directory, events, takeEvents: () => events.splice(0).map(({ type }) => type) };
  }

  /** Two ends of a pipe. */
  pipe(): [Connection, Connection] {
    return memoryPair(this.#options);
  }

  /** Links two nodes by a pipe, and waits until both are up and have told each other of it. */
  async link(a: TestNode, b: TestNode): Promise<void> {
    const [left, right] = this.pipe();
    a.router.attach(left, { initiator: true });
    b.router.attach(right, { initiator: false });
    await this.clock.advance(50);
  }
}

/** Two nodes with a link between them. */
export async function linked(latencyMs = 0): Promise<{ net: TestNetwork; a: TestNode; b: TestNode }> {
  const net = new TestNetwork({ latencyMs });
  const [a, b] = [net.node(1), net.node(2)];
  await net.link(a, b);
  await net.clock.advance(10 * latencyMs);
  return { net, a, b };
}

/** How a promise stands: what it was resolved with, the error it was rejected with, or "pending". */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol("nothing");
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return Promise.race([promise, Promise.resolve(nothing)]).then(
    (value) => (value === nothing ? "pending" : value),
    (error: unknown) => error,
  );
}

/** Runs `promise` to its end in virtual time. */
export async function during<T>(clock: VirtualClock, promise: Promise<T>, ms = 0): Promise<T> {
  promise.catch(() => undefined);
  await clock.advance(ms);
  return promise;
}
