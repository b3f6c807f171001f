import { AstraError } from "@astranet/transport";
import type { Conn } from "@astranet/router";
import type { Checker } from "./invariants/checker.ts";
import type { Life } from "./node/life.ts";
import type { SimNode } from "./node/sim-node.ts";
import type { SeededRandom } from "./time/seeded-random.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A dial, and what is said over it, under way. */
interface Operation {
  readonly life: Life;
  readonly what: string;
  /** Of its process's time. */
  readonly deadline: number;
}

const dialTimeoutMs = 10_000;
/** For everything after the dial: more than any exchange takes here, unless the link dies, which takes the idle timeout. */
const exchangeTimeoutMs = 40_000;
/** No timer is that late. */
const slackMs = 1000;

/** Counts of what a workload did. */
export interface WorkloadStats {
  done: number;
  failed: number;
}

/**
 * Applications: services that echo, and clients that dial them and check what comes back. Every dial comes to an end in time; of what is written
 * the other side gets the beginning, unchanged and in order, and all of it if nothing broke.
 */
export class Workload implements Checker {
  readonly stats: WorkloadStats = { done: 0, failed: 0 };
  readonly #under = new Set<Operation>();
  #world: World | undefined;

  attach(world: World): void {
    this.#world = world;
  }

  ended(_node: SimNode, life: Life): void {
    for (const operation of this.#under) if (operation.life === life) this.#under.delete(operation);
  }

  sweep(): void {
    for (const operation of this.#under) {
      const { life, what, deadline } = operation;
      const { process } = life;
      if (process.paused || process.sinceResumedMs < slackMs) continue;
      if (process.now() > deadline) throw new Violation("dials", `${what} did not come to an end in time`);
    }
  }

  /** Offers a service that sends back what it gets. */
  offerEcho(node: SimNode, name: string, { env = "", exclusive = false }: { readonly env?: string; readonly exclusive?: boolean } = {}): void {
    node.running.bind({ name, env, exclusive, onconn: (conn) => void echo(conn) });
  }

  /** Dials a service, by name, and talks to it. */
  talk(node: SimNode, name: string, random: SeededRandom, env = ""): void {
    const life = node.running;
    const length = random.chance(0.1) ? random.integer(20_000, 400_000) : random.integer(1, 3000);
    void this.#during(life, `${node.name}'s talk to ${name}`, async () => {
      const conn = await life.dial({ name, env, timeoutMs: dialTimeoutMs });
      await exchange(conn, length, random.integer(0, 255));
    });
  }

  async #during(life: Life, what: string, run: () => Promise<void>): Promise<void> {
    const operation: Operation = { life, what, deadline: life.process.now() + dialTimeoutMs + exchangeTimeoutMs + slackMs };
    this.#under.add(operation);
    try {
      await run();
      this.stats.done += 1;
    } catch (error) {
      this.stats.failed += 1;
      // Everything that a network may do to a dial has a code; a Violation, or a mistake in these packages, has none.
      if (!AstraError.is(error)) this.#world?.fail(error);
    } finally {
      this.#under.delete(operation);
    }
  }
}

async function echo(conn: Conn): Promise<void> {
  try {
    for await (const chunk of conn) await conn.write(chunk);
    await conn.end();
  } catch {
    // The other side is gone; it knows why.
    conn.reset();
  }
}

/** Writes a pattern, and reads it back while it does. */
async function exchange(conn: Conn, length: number, salt: number): Promise<void> {
  const writing = (async (): Promise<void> => {
    for (let at = 0; at < length; at += 8192) await conn.write(pattern(at, Math.min(8192, length - at), salt));
    await conn.end();
  })();
  writing.catch(() => undefined);
  let at = 0;
  for (let chunk = await conn.read(); chunk !== null; chunk = await conn.read()) {
    for (let i = 0; i < chunk.length; i += 1) {
      if (chunk[i] !== patternByte(at + i, salt)) throw new Violation("streams", `byte ${at + i} of a stream came back as ${String(chunk[i])}`);
    }
    at += chunk.length;
  }
  await writing;
  if (at !== length) throw new Violation("streams", `a stream of ${length} bytes ended after ${at}, as if that were all`);
  await conn.close();
}

function pattern(from: number, length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => patternByte(from + i, salt));
}

function patternByte(at: number, salt: number): number {
  return (Math.imul(at, 0x9e_37) + (at >>> 8) + salt) & 0xff;
}
