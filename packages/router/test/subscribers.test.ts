import { describe, expect, it } from "vitest";
import type { NodeLink } from "../src/link/node-link.ts";
import { PeerTable } from "../src/link/peer-table.ts";
import { TestNetwork, idOf } from "./support/network.ts";

describe("who was unsubscribed by one who was told before", () => {
  it("is not told of an event of the router", async () => {
    const net = new TestNetwork();
    const { router } = net.node(1);
    const told: string[] = [];
    router.subscribe(() => end());
    const end = router.subscribe(({ type }) => told.push(type));
    const [here, there] = net.pipe();
    const link = router.attach(here);
    net.node(2).router.attach(there);
    await net.clock.settle();
    expect([link.peer, told]).toEqual([idOf(2), []]);
  });

  it("is not told of a neighbour", () => {
    const peers = new PeerTable(idOf(1), new TestNetwork().clock);
    const told: string[] = [];
    peers.subscribe(() => end());
    const end = peers.subscribe((id) => told.push(id));
    peers.up({ hello: { id: idOf(2) } } as unknown as NodeLink);
    expect([peers.ids(), told]).toEqual([[idOf(2)], []]);
  });
});
