import { describe, expect, it } from "vitest";
import { World } from "@astranet/sim";

/** A short life of five nodes, with some trouble. */
async function shortLife(seed: number): Promise<World> {
  const world = new World({ seed, conditions: { latencyMs: 10, jitterMs: 5 } });
  const nodes = world.addRunning(5);
  for (const node of nodes) {
    node.running.bind({ name: `service-${node.number}`, onconn: (conn) => void conn.close() });
    node.join(world.random.pick(nodes).address);
  }
  await world.run(10_000);
  nodes[0]!.crash();
  await world.run(10_000);
  nodes[0]!.start();
  nodes[1]!.pause();
  await world.run(5000);
  nodes[1]!.resume();
  await world.run(60_000);
  return world;
}

describe("a world", () => {
  it("goes the same way for the same seed, byte for byte, and another for another", async () => {
    const [first, second, other] = [await shortLife(1), await shortLife(1), await shortLife(2)];
    expect(second.trace.digest()).toBe(first.trace.digest());
    expect(second.timeline.events).toBe(first.timeline.events);
    expect(other.trace.digest()).not.toBe(first.trace.digest());
  });

  it("has nodes that link, see each other's services, and dial them", async () => {
    const world = new World({ seed: 1 });
    const [a, b] = [world.add(), world.add()];
    a.start();
    b.start();
    const greetings: string[] = [];
    b.running.bind({
      name: "greeter",
      onconn: (conn) => {
        void conn.read().then(async (chunk) => {
          greetings.push(new TextDecoder().decode(chunk ?? undefined));
          await conn.end(new TextEncoder().encode("hello, a"));
        });
      },
    });
    a.join(b.address);
    await world.run(1000);
    expect(a.running.router.routes().map(({ id }) => id)).toEqual([b.id]);
    const conn = await world.settle(a.running.dial({ name: "greeter" }), 1000);
    void conn.end(new TextEncoder().encode("hello, b"));
    const answer = await world.settle(conn.read(), 1000);
    expect(greetings).toEqual(["hello, b"]);
    expect(new TextDecoder().decode(answer ?? undefined)).toBe("hello, a");
  });

  it("gives a node that starts again its identity back, or a new one, and links it again", async () => {
    const world = new World({ seed: 4 });
    const [a, b] = [world.add(), world.add()];
    a.join(b.address);
    a.start();
    b.start();
    await world.run(2000);
    const before = b.id;
    b.crash();
    await world.run(1000);
    expect(a.running.router.routes()).toEqual([]);
    b.start();
    await world.run(5000);
    expect(b.id).toBe(before);
    expect(a.running.router.routes().map(({ id }) => id)).toEqual([before]);
    await world.settle(b.stop(), 10_000);
    b.start({ anew: true });
    await world.run(30_000);
    expect(b.id).not.toBe(before);
    expect(a.running.router.routes().map(({ id }) => id)).toEqual([b.id]);
  });

  it("says when a promise does not come to an end in virtual time", async () => {
    const world = new World({ seed: 1 });
    await expect(world.settle(new Promise(() => undefined), 1000)).rejects.toThrow("not settled within 1000 ms");
    expect(world.now).toBe(1000);
  });
});
