import { fork } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { AstraError} from "@astranet/transport";
import { type Connection } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";
import { describe, expect, it } from "vitest";

const ROUND_TRIPS = 500;

/** Turns of this process's event loop so far. Node 20.18 and later know; the types of Node 20 do not. */
function turns(): number {
  return (performance.nodeTiming as unknown as { uvMetricsInfo: { loopCount: number } }).uvMetricsInfo.loopCount;
}

/** 100 bytes there and back again, one round trip after the other. */
function pingPong(connection: Connection): Promise<void> {
  const ping = new Uint8Array(100);
  return new Promise((resolve, reject) => {
    let left = ROUND_TRIPS;
    let missing = ping.length;
    connection.start({
      data: (chunk) => {
        missing -= chunk.length;
        if (missing > 0) return;
        missing = ping.length;
        left -= 1;
        if (left > 0) connection.send([ping]);
        else connection.close();
      },
      drain: () => undefined,
      closed: (reason) => {
        if (reason === undefined) resolve();
        else reject(new Error("the connection broke", { cause: reason }));
      },
    });
    connection.send([ping]);
  });
}

/** How often the loop turned for round trips to another process. */
async function turnsFor(port: number, busyPollMs: number): Promise<number> {
  const connection = await new TcpTransport({ busyPollMs }).dial("tcp", `127.0.0.1:${String(port)}`);
  const before = turns();
  await pingPong(connection);
  return turns() - before;
}

describe("Busy polling", () => {
  it("looks for quick answers of another process again and again, and does not with busyPollMs 0", async () => {
    const child = fork(fileURLToPath(new URL("fixtures/echo-server.mjs", import.meta.url)), { execArgv: [] });
    try {
      const [port] = (await once(child, "message")) as [number];
      const asleep = await turnsFor(port, 0);
      const awake = await turnsFor(port, 10);
      // An answer takes a wake-up of the other process and four system calls, a look one.
      expect(awake).toBeGreaterThan(2 * asleep);
    } finally {
      child.kill();
    }
  });

  it.each([-1, NaN, 10.1, Infinity])("of %s ms is EINVAL", (busyPollMs) => {
    expect(() => new TcpTransport({ busyPollMs })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(`busyPollMs must be between 0 and 10, not ${String(busyPollMs)}`) as string }) as AstraError);
  });
});
