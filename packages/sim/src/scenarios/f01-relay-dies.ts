import type { Conn } from "@astranet/router";
import { AstraError } from "@astranet/transport";
import { cast, codeOf, follow, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const streams = 1000;

/** a – r – b; r is killed while streams of a and b carry data. */
export const relayDies: Scenario = {
  id: "F1",
  title: "a relay is killed under a thousand streams",
  async run({ world }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    link([a, r], [b, r]);
    const errors = { a: [] as unknown[], b: [] as unknown[] };
    b.running.bind({ name: "sink", onconn: (conn) => void swallow(conn, errors.b) });
    await within(world, 5000, "a reaches b through r", () => reaches(a, b));
    const conns: Conn[] = [];
    for (let i = 0; i < streams; i += 1) conns.push(await world.settle(a.running.dial({ name: "sink" }), 5000));
    const pause = (): Promise<void> => new Promise((resolve) => void a.running.process.setTimer(100, resolve));
    for (const conn of conns) {
      void pour(conn, pause);
      void swallow(conn, errors.a);
    }
    await world.run(500);
    r.crash("reset");
    const killedAt = world.now;
    const late = follow(world, a.running.router.connect(b.id, 1));
    await within(world, 50, "every stream has failed at both ends", () => errors.a.length === streams && errors.b.length === streams);
    await world.run(60_000);
    must("each stream failed once", errors.a.length === streams && errors.b.length === streams);
    for (const error of [...errors.a, ...errors.b]) {
      must(`a stream fails with ECONNRESET, not ${String(error)}`, AstraError.is(error, "ECONNRESET"));
      must("the error names the relay", (error as AstraError).via?.includes(r.id) === true);
    }
    // It had left, and nobody can say how far it came.
    must(`a dial under way fails at once: ${String(late.outcome?.error)}`, codeOf(late.outcome) === "ECONNRESET" && late.outcome!.at - killedAt < 50);
    const next = follow(world, a.running.router.connect(b.id, 1));
    await world.run(1);
    must(`the next dial finds no way, and says so at once: ${String(next.outcome?.error)}`, codeOf(next.outcome) === "EHOSTUNREACH");
  },
};

/** Reads until the end, and notes what broke it. */
async function swallow(conn: Conn, errors: unknown[]): Promise<void> {
  try {
    for await (const _chunk of conn);
  } catch (error) {
    errors.push(error);
  }
}

/** Writes for as long as that goes. */
async function pour(conn: Conn, pause: () => Promise<void>): Promise<void> {
  try {
    for (let i = 0; i < 10_000; i += 1) {
      await conn.write(new Uint8Array(1000));
      await pause();
    }
  } catch {
    // Who reads says so.
  }
}
