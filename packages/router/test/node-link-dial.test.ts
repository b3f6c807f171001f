import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { TestNetwork, outcome } from "./support/network.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { SlowTransport } from "./support/slow-transport.ts";

describe("a dial", () => {
  it("keeps the process alive as long as somebody waits for it: the connection, the handshake, the back-off; a link that is up does not", async () => {
    const net = new TestNetwork();
    const slow = new SlowTransport();
    const node = net.node(1, { transports: [slow] });
    node.router.join("memory", "there", { retry: { minDelayMs: 1000 } }).catch(() => undefined);
    await net.clock.settle();
    const [link] = node.router.links;
    expect([link!.state, link!.localAddress, link!.remoteAddress, link!.rttMs, link!.streamCount, link!.peer]).toEqual(["dialing", "", "memory there", undefined, 0, undefined]);
    expect(net.clock.awaited).toBe(1);
    const [here, there] = net.pipe();
    slow.dials[0]!.resolve(here);
    await net.clock.settle();
    expect([link!.state, net.clock.awaited]).toEqual(["handshake", 1]);
    there.abort();
    await net.clock.settle();
    expect([link!.state, link!.peer, link!.rttMs, net.clock.awaited]).toEqual(["closed", undefined, undefined, 1]);
    await net.clock.advance(1000);
    const [left, right] = net.pipe();
    slow.dials[1]!.resolve(left);
    const peer = await RawPeer.meet(net, right, { initiator: false });
    await net.clock.settle();
    peer.say(peer.hello());
    await net.clock.settle();
    expect([node.router.links[0]!.state, net.clock.awaited]).toEqual(["up", 0]);
  });

  it("that is not answered in time says so, and tells the transport; a connection that comes after all is broken off", async () => {
    const net = new TestNetwork();
    const slow = new SlowTransport();
    const node = net.node(1, { transports: [slow], limits: { dialTimeoutMs: 2000 } });
    const joined = node.router.join("memory", "there", { retry: false });
    joined.catch(() => undefined);
    await net.clock.advance(2000);
    const error = await outcome(joined);
    expect(error).toMatchObject({ code: "ETIMEDOUT", message: "ETIMEDOUT: memory there did not answer within 2000 ms" });
    expect(slow.dials[0]!.signal.reason).toBe(error);
    const [here, there] = net.pipe();
    let over = false;
    const got: Uint8Array[] = [];
    there.start({ data: (chunk) => void got.push(chunk), drain: () => undefined, closed: () => (over = true) });
    slow.dials[0]!.resolve(here);
    await net.clock.settle();
    expect([over, got, node.router.links, net.clock.timers]).toEqual([true, [], [], 0]);
  });

  it.each<[string, () => never | Promise<never>]>([
    ["rejects with", () => Promise.reject(new RangeError("no such device"))],
    [
      "throws",
      () => {
        throw new RangeError("no such device");
      },
    ],
  ])("that its transport %s an error of its own is told as an AstraError, whose cause that is", async (_how, dial) => {
    const net = new TestNetwork();
    const node = net.node(1, { transports: [{ networks: ["serial"], dial }] });
    const joined = node.router.join("serial", "there", { retry: false });
    joined.catch(() => undefined);
    await net.clock.settle();
    const error = { code: "EHOSTUNREACH", message: "EHOSTUNREACH: serial there could not be dialled: RangeError: no such device", cause: new RangeError("no such device") };
    expect(await outcome(joined)).toMatchObject(error);
    expect(node.events).toMatchObject([
      { type: "linkerror", error },
      { type: "joinerror", error },
    ]);
    for (const event of node.events) expect("error" in event && AstraError.is(event.error)).toBe(true);
  });

  it("is given up in the middle of a handshake when nobody wants it any more", async () => {
    const net = new TestNetwork();
    const slow = new SlowTransport();
    const node = net.node(1, { transports: [slow] });
    const controller = new AbortController();
    const joined = node.router.join("memory", "there", { signal: controller.signal });
    joined.catch(() => undefined);
    await net.clock.settle();
    const [here, there] = net.pipe();
    let over = false;
    there.start({ data: () => undefined, drain: () => undefined, closed: () => (over = true) });
    slow.dials[0]!.resolve(here);
    await net.clock.settle();
    controller.abort(new Error("enough"));
    await net.clock.settle();
    expect([over, node.router.links, net.clock.timers]).toEqual([true, [], 0]);
  });

  it("that is given up in the moment it is up leaves no link", async () => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2)];
    await Promise.all([b.router.listen("memory", "b"), net.clock.settle()]);
    const controller = new AbortController();
    const reason = new Error("enough");
    a.router.subscribe(({ type }) => {
      if (type === "linkup") controller.abort(reason);
    });
    const joined = a.router.join("memory", "b", { signal: controller.signal });
    joined.catch(() => undefined);
    await net.clock.advance(100);
    expect(await outcome(joined)).toBe(reason);
    expect([a.router.links, b.router.links]).toEqual([[], []]);
    await net.clock.advance(60_000);
    expect(a.takeEvents().filter((type) => type === "linkup")).toHaveLength(1);
  });
});

