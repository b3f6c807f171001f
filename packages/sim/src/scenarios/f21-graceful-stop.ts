import type { Conn } from "@astranet/router";
import { cast, link, lists, propagationMs } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** A provider with a hundred running streams is told to stop. */
export const gracefulStop: Scenario = {
  id: "F21",
  title: "a provider stops as it should, under a hundred streams",
  world: { conditions: { latencyMs: 10 } },
  async run({ world }) {
    const { a, r, b, c } = cast(world, ["a", "r", "b", "c"]);
    link([a, r], [b, r], [c, r]);
    let opened = 0;
    const serve = async (conn: Conn): Promise<void> => {
      opened += 1;
      for await (const chunk of conn) await conn.write(chunk);
      await conn.end();
    };
    b.running.bind({ name: "work", onconn: (conn) => void serve(conn).catch(() => undefined) });
    await within(world, 10_000, "a sees it", () => lists(a, b, "work"));
    const conns: Conn[] = [];
    for (let i = 0; i < 100; i += 1) conns.push(await world.settle(a.running.dial({ name: "work" }), 1000));
    c.running.bind({ name: "work", onconn: (conn) => void serve(conn).catch(() => undefined) });
    await within(world, 1000, "a sees the other one", () => lists(a, c, "work"));
    let wrong = 0;
    const finish = async (conn: Conn): Promise<void> => {
      await conn.write(new Uint8Array(10));
      await new Promise<void>((resolve) => void a.running.process.setTimer(1000, resolve));
      await conn.end(new Uint8Array(10));
      let got = 0;
      for await (const chunk of conn) got += chunk.length;
      if (got !== 20) wrong += 1;
    };
    const finished = conns.map((conn) => finish(conn).catch(() => (wrong += 1)));
    const stopped = b.stop();
    await within(world, propagationMs(2, 10), "it is offered no more", () => !lists(a, b, "work"));
    opened = 0;
    await world.settle(a.running.dial({ name: "work" }), 1000);
    await world.settle(Promise.all(finished), 6000);
    must(`every stream came to its end: ${wrong} did not`, wrong === 0);
    must("new dials go elsewhere", opened === 1);
    await world.settle(stopped, 10_000);
  },
};
