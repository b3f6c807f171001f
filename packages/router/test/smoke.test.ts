import { expect, it } from "vitest";
import { TestNetwork, during } from "./support/network.ts";

it("two attached nodes dial each other and themselves", async () => {
  const net = new TestNetwork({ latencyMs: 5 });
  const a = net.node(1);
  const b = net.node(2);
  const [left, right] = net.pipe();
  const link = a.router.attach(left);
  b.router.attach(right);
  b.directory.publish({ name: "web", port: 80 });
  const listener = b.router.bind({ port: 80, service: "web" });
  await net.clock.advance(100);
  expect(await link.ready).toBe(b.id);
  expect(a.directory.services()).toMatchObject([{ name: "web", id: b.id, distance: 1 }]);
  const accepted = listener.accept();
  const conn = await during(net.clock, a.router.connect(b.id, 80), 50);
  const other = await accepted;
  void conn.end(Uint8Array.of(1, 2, 3));
  await net.clock.advance(50);
  expect(await other.read()).toEqual(Uint8Array.of(1, 2, 3));
  expect(await other.read()).toBeNull();
  const self = listener.accept();
  const mine = await during(net.clock, b.router.connect(b.id, 80), 50);
  expect(mine.remoteAddress).toEqual({ id: b.id, port: 80 });
  expect((await self).remoteAddress.id).toBe(b.id);
});
