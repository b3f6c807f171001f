import { describe, expect, it } from "vitest";
import { encode } from "@msgpack/msgpack";
import type { ServiceInfo } from "@astranet/discovery";
import { HandClock, idOf, makeView, type View } from "./support/world.ts";

interface Owner extends View {
  /** What node 2, which began at 1000, says of its exclusive services: the ports of "leader", and since when. */
  rival(...services: (readonly [port: number, since: number])[]): void;
  /** Who an own service's `onconflict` was told of. */
  readonly told: (string | undefined)[];
  readonly onconflict: (winner: ServiceInfo | undefined) => void;
}

/** Node 1, which began at 2000 and reaches node 2. */
function makeOwner(): Owner {
  const view = makeView(1, 2000n << 16n);
  view.reachability.set(idOf(2), 1);
  const told: (string | undefined)[] = [];
  let seq = 0;
  return {
    ...view,
    told,
    onconflict: (winner) => told.push(winner === undefined ? undefined : `${winner.id.slice(-1)}:${winner.port}`),
    rival: (...services) => {
      const payload = Uint8Array.from(services.flatMap(([p, x]) => [...encode({ n: "leader", p, x })]));
      view.store.merge({ origin: idOf(2), incarnation: 1n, slot: 0x0200, seq: ++seq, flags: 0, payload });
    },
  };
}

describe("the owner of an exclusive service", () => {
  it("is told of one that was there before, once it has published, and not from within", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    rival([80, 1000]);
    directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    expect(told).toEqual([]);
    clock.advance(0);
    expect(told).toEqual(["2:80"]);
  });

  it("is told nothing while its own is the one that is offered, whatever changes about it", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    const own = directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    own.update({ weight: 7 });
    rival([80, 3000]);
    clock.advance(0);
    own.update({ tags: { a: "b" } });
    rival();
    clock.advance(0);
    expect(told).toEqual([]);
    expect(directory.providers("leader")).toMatchObject([{ id: idOf(1), weight: 7, tags: { a: "b" } }]);
  });

  it("is told once of what changed several times at once", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    rival([80, 1000]);
    rival();
    rival([81, 1000]);
    clock.advance(0);
    expect(told).toEqual(["2:81"]);
  });

  it("is told when it is back from draining, and somebody has taken its place meanwhile", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    const own = directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    own.drain();
    rival([80, 1000]);
    clock.advance(0);
    expect(told).toEqual([]);
    own.update({ weight: 100 });
    clock.advance(0);
    expect(told).toEqual(["2:80"]);
  });

  it("is told nothing any more once it has withdrawn it, not even of what it would have been told in the same tick", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    rival([80, 1000]);
    const own = directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    own.withdraw();
    clock.advance(0);
    expect(told).toEqual([]);
  });

  it("is told of a service that it publishes anew, though it withdraws the old one a second time", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    const old = directory.publish({ name: "leader", port: 80, exclusive: true, onconflict: () => expect.unreachable() });
    old.withdraw();
    directory.publish({ name: "leader", port: 80, exclusive: true, onconflict });
    old.withdraw();
    rival([80, 1000]);
    clock.advance(0);
    expect(told).toEqual(["2:80"]);
  });

  it("need not ask to be told", () => {
    const { directory, clock, rival } = makeOwner();
    rival([80, 1000]);
    directory.publish({ name: "leader", port: 80, exclusive: true });
    clock.advance(0);
    expect(directory.providers("leader")).toMatchObject([{ id: idOf(2) }]);
  });

  it("is told nothing of a service that is not exclusive: others' do not stand in its way", () => {
    const { directory, clock, rival, told, onconflict } = makeOwner();
    rival([80, 1000]);
    directory.publish({ name: "leader", port: 80, onconflict });
    rival([81, 500]);
    clock.advance(0);
    expect(told).toEqual([]);
    expect(directory.providers("leader").map(({ id }) => id)).toEqual([idOf(1), idOf(2)]);
  });
});

describe("of several exclusive services", () => {
  it("one node's own of the same moment are offered by their ports, in whatever order they were published", () => {
    for (const ports of [[80, 81], [81, 80]]) {
      const { directory } = makeOwner();
      for (const port of ports) directory.publish({ name: "leader", port, exclusive: true });
      expect(directory.providers("leader").map(({ port }) => port)).toEqual([80]);
    }
  });

  it("the one that is offered is told of alone: another comes, changes and goes without a word", async () => {
    const { directory, rival } = makeOwner();
    rival([80, 1000]);
    const watch = directory.registry().watch();
    await watch.next();
    rival([80, 1000], [81, 1500]);
    rival([80, 1000], [81, 1400]);
    rival([80, 1000]);
    directory.publish({ name: "mark", port: 1 });
    expect((await watch.next()).value).toMatchObject({ type: "up", key: "mark" });
  });

  it("the first one counts from when its node began, also where that node's clock did not begin with it", () => {
    const clock = new HandClock();
    const calendarMs = 1_000_000;
    const one = makeView(1, BigInt(calendarMs) << 16n, clock);
    clock.advance(5000);
    const other = makeView(2, BigInt(calendarMs + 5000) << 16n, clock);
    for (const view of [one, other]) for (const n of [1, 2]) view.reachability.set(idOf(n), 1);
    clock.advance(1000);
    other.directory.publish({ name: "leader", port: 80, exclusive: true });
    clock.advance(1000);
    one.directory.publish({ name: "leader", port: 80, exclusive: true });
    for (const record of [...other.store.records()]) one.store.merge(record);
    expect(one.directory.providers("leader")).toMatchObject([{ id: idOf(2) }]);
  });
});
