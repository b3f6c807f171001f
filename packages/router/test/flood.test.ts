import { describe, expect, it } from "vitest";
import { TestNetwork, type TestNode } from "./support/network.ts";

/** The nodes that hold a record of `of`. */
const knowing = (of: TestNode, nodes: readonly TestNode[]): number[] => nodes.flatMap((node, i) => ([...node.store.records(of.id)].length > 0 ? [i] : []));

async function chain(...roles: ("router" | "peer")[]): Promise<{ net: TestNetwork; nodes: TestNode[] }> {
  const net = new TestNetwork();
  const nodes = roles.map((role, i) => net.node(i + 1, { role }));
  for (const [i, node] of nodes.slice(1).entries()) await net.link(nodes[i]!, node);
  return { net, nodes };
}

describe("records", () => {
  it("go from one end of a chain of routers to the other, at once", async () => {
    const { net, nodes } = await chain("peer", "router", "router", "peer");
    const [a, , , d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    d.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(1);
    expect([...a.store.records(d.id)].map(({ slot, seq }) => [slot, seq])).toContainEqual([0x0200, 1]);
    a.directory.publish({ name: "web", port: 80 });
    // What follows closely on another change waits up to 20 ms at each hop.
    await net.clock.advance(60);
    expect(knowing(a, nodes)).toEqual([0, 1, 2, 3]);
  });

  it("reach who comes later", async () => {
    const { net, nodes } = await chain("peer", "router");
    const [a, r] = nodes as [TestNode, TestNode];
    a.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(1);
    const late = net.node(9, { role: "peer" });
    await net.link(r, late);
    expect(knowing(a, [r, late])).toEqual([0, 1]);
  });

  it("are not handed on by who does not relay", async () => {
    const { net, nodes } = await chain("peer", "peer", "peer");
    nodes[0]!.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(100_000);
    expect(knowing(nodes[0]!, nodes)).toEqual([0, 1]);
  });

  it("are handed on by a node that begins to listen, from then on", async () => {
    const net = new TestNetwork();
    const nodes = [net.node(1, { role: "peer" }), net.node(2), net.node(3, { role: "peer" })];
    const [a, hub, c] = nodes as [TestNode, TestNode, TestNode];
    await net.link(a, hub);
    await net.link(hub, c);
    a.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(1);
    expect(knowing(a, nodes)).toEqual([0, 1]);
    await hub.router.listen("memory", "hub");
    await net.clock.advance(3000);
    expect(knowing(a, nodes)).toEqual([0, 1, 2]);
  });

  it("of who is gone are forgotten by all, and stay forgotten", async () => {
    const { net, nodes } = await chain("peer", "router", "router", "peer");
    const [a] = nodes as [TestNode];
    a.directory.publish({ name: "files", port: 80 });
    await net.clock.advance(1);
    for (const link of a.router.links) void link.close();
    await net.clock.advance(200_000);
    expect(knowing(a, nodes)).toEqual([0]);
    expect(nodes[1]!.store.digest).toEqual(nodes[2]!.store.digest);
    await net.clock.advance(300_000);
    expect(knowing(a, nodes)).toEqual([0]);
  });
});
