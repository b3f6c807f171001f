import { Session, type SessionOptions, type Stream } from "@astranet/mux";
import { type Connection, memoryPair, type MemoryOptions } from "@astranet/transport";
import { debugConnection } from "@astranet/transport/testing";
import { ManualClock } from "./manual-clock.ts";

type Options = Omit<SessionOptions, "role" | "clock">;

/** Two sessions back to back in virtual time, over connections that notice who breaks the rules of ownership. */
export class SessionPair {
  readonly clock: ManualClock;
  readonly client: Session;
  readonly server: Session;
  readonly connections: readonly [Connection, Connection];

  constructor(options: { readonly client?: Options; readonly server?: Options; readonly both?: Options; readonly link?: Omit<MemoryOptions, "clock"> } = {}) {
    const clock = (this.clock = new ManualClock());
    const [a, b] = memoryPair({ ...options.link, clock }).map((connection) => debugConnection(connection, { clock })) as [Connection, Connection];
    this.connections = [a, b];
    this.client = new Session(a, { role: "client", clock, ...options.both, ...options.client });
    this.server = new Session(b, { role: "server", clock, ...options.both, ...options.server });
  }

  /** Opens a stream here and accepts it there. */
  async stream(): Promise<[Stream, Stream]> {
    const local = this.client.open();
    const remote = this.server.accept();
    await this.settle();
    return [local, await remote];
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }
}

/** How a promise has ended so far: ["resolved", value], ["rejected", error] or ["pending"]. */
export async function outcome(promise: Promise<unknown>): Promise<readonly [state: string, value?: unknown]> {
  const nothing = {};
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return Promise.race([promise, Promise.resolve(nothing)]).then(
    (value) => (value === nothing ? (["pending"] as const) : (["resolved", value] as const)),
    (error: unknown) => ["rejected", error] as const,
  );
}

/** Just the code of the error that a promise was rejected with, or how else it stands. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const [state, value] = await outcome(promise);
  return state === "rejected" ? ((value as { code?: string }).code ?? String(value)) : state;
}

/** The error that a call throws. */
export function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}
