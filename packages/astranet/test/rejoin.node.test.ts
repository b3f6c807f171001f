import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Conn } from "astranet";
import { describe, expect, it, onTestFinished } from "vitest";
import { next, node } from "./support/nodes.ts";

async function start(address: string): Promise<{ child: ChildProcess; address: string; id: string }> {
  const child = fork(fileURLToPath(new URL("support/child.ts", import.meta.url)), [address], { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [told] = (await once(child, "message")) as [{ address: string; id: string }];
  return { child, ...told };
}

describe("a peer that is killed with 10,000 streams open", { timeout: 60_000 }, () => {
  it("ends each of them with exactly one ECONNRESET, and nothing hangs", async () => {
    const net = node();
    const { child, address } = await start("127.0.0.1:0");
    await net.join("tcp4", address);
    const conns: Conn[] = [];
    for (let i = 0; i < 20; i++) conns.push(...(await Promise.all(Array.from({ length: 500 }, () => net.dial("", "child")))));
    const ends = new Map<Conn, unknown[]>(conns.map((conn) => [conn, []]));
    const reads = conns.map((conn) =>
      conn.read().then(
        (chunk) => ends.get(conn)?.push(chunk),
        (error: unknown) => ends.get(conn)?.push((error as { code?: string }).code),
      ),
    );
    child.kill("SIGKILL");
    await Promise.all(reads);
    expect(ends.size).toBe(10_000);
    expect([...ends.values()].filter((end) => end.length !== 1 || end[0] !== "ECONNRESET")).toEqual([]);
    for (const conn of [conns[0]!, conns[9_999]!]) {
      await expect(conn.closed).rejects.toMatchObject({ code: "ECONNRESET" });
      await expect(conn.write(new Uint8Array(1))).rejects.toMatchObject({ code: "ECONNRESET" });
    }
  });
});

describe("join", { timeout: 60_000 }, () => {
  it("is back within a second of a peer that was killed", async () => {
    const net = node();
    const first = await start("127.0.0.1:0");
    const membership = await net.join("tcp4", first.address, { retry: { maxDelayMs: 500 } });
    expect(membership.peer).toBe(first.id);
    await net.waitFor("child");

    const down = next(net, "linkdown");
    first.child.kill("SIGKILL");
    expect(((await down) as CustomEvent).detail).toMatchObject({ peer: first.id, error: { code: "ECONNRESET" } });
    expect(net.services()).toEqual([]);

    const up = next(net, "linkup");
    const second = await start(first.address);
    const backAt = performance.now();
    expect(((await up) as CustomEvent).detail).toMatchObject({ peer: second.id });
    expect(performance.now() - backAt).toBeLessThan(1_000);
    expect(second.id).not.toBe(first.id);
    expect((await net.waitFor("child")).id).toBe(second.id);
    expect(membership.peer).toBe(second.id);
  });

  it("waits for a peer that is not there yet", async () => {
    const probe = await start("127.0.0.1:0");
    probe.child.kill("SIGKILL");
    await once(probe.child, "exit");
    const net = node();
    const failed = next(net, "joinerror");
    const joining = net.join("tcp4", probe.address, { retry: { maxDelayMs: 200 } });
    expect(((await failed) as CustomEvent).detail).toMatchObject({ error: { code: "ECONNREFUSED" }, address: probe.address });
    const late = await start(probe.address);
    expect((await joining).peer).toBe(late.id);
  });
});
