import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { next, node } from "./support/nodes.ts";

async function start(address: string): Promise<{ child: ChildProcess; address: string; id: string }> {
  const child = fork(fileURLToPath(new URL("support/child.ts", import.meta.url)), [address], { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [told] = (await once(child, "message")) as [{ address: string; id: string }];
  return { child, ...told };
}

describe("join", () => {
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
