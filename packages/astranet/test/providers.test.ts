import type { AstraNet, ServiceInfo } from "astranet";
import { describe, expect, it } from "vitest";
import { answer, ask, chain } from "./support/nodes.ts";

describe("several providers of a name", () => {
  it("are dialled in turn, and one that closed is dialled no more", async () => {
    const [a, hub, b] = (await chain({}, { role: "router" }, {})) as [AstraNet, AstraNet, AstraNet];
    const listeners = [a, hub, b].map((net) => net.bind("who"));
    const serving = listeners.map((listener, i) => answer(listener, String(i)));
    await expect.poll(() => b.services()).toHaveLength(3);
    const heard = new Set<string>();
    for (let i = 0; i < 6; i += 1) heard.add(await ask(await b.dial("who", { select: "round-robin" })));
    expect([...heard].sort()).toEqual(["0", "1", "2"]);
    await listeners[0]!.close();
    await expect.poll(() => b.services()).toHaveLength(2);
    for (let i = 0; i < 6; i += 1) expect(await ask(await b.dial("who", { select: "round-robin" }))).not.toBe("0");
    for (const listener of listeners) await listener.close();
    await Promise.all(serving);
  });

  it("that are exclusive are one at a time: the first that was bound, and the next when it is gone", async () => {
    const [a, hub, b] = (await chain({}, { role: "router" }, {})) as [AstraNet, AstraNet, AstraNet];
    const conflicts: (ServiceInfo | undefined)[] = [];
    const first = b.bind("leader", { exclusive: true });
    await a.waitFor("leader");
    const second = a.bind("leader", { exclusive: true, onconflict: (winner) => conflicts.push(winner) });
    const serving = [answer(first, "first"), answer(second, "second")];
    await expect.poll(() => conflicts).toMatchObject([{ id: b.id }]);
    for (const net of [a, hub, b]) {
      await expect.poll(() => net.services().map(({ id }) => id)).toEqual([b.id]);
      expect(await ask(await net.dial("leader"))).toBe("first");
    }
    await first.close();
    for (const net of [a, hub, b]) await expect.poll(() => net.services().map(({ id }) => id)).toEqual([a.id]);
    expect(conflicts.at(-1)).toBeUndefined();
    expect(await ask(await hub.dial("leader"))).toBe("second");
    await second.close();
    await Promise.all(serving);
  });

  it("that say that they are not well are not dialled by name meanwhile", async () => {
    const [a, b] = (await chain({}, {})) as [AstraNet, AstraNet];
    let well = true;
    const listener = a.bind("web", { check: () => well, checkIntervalMs: 20 });
    await b.waitFor("web");
    well = false;
    await expect.poll(() => b.services()).toEqual([]);
    well = true;
    await b.waitFor("web");
    await listener.close();
  });
});
