import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { RegistryEvent, ServiceInfo } from "@astranet/discovery";
import { HandClock, flood, idOf, makeView, type View } from "./support/world.ts";

/** Nodes that see each other, and their incarnations: the upper bits are when they began. */
function views(...beganMs: number[]): View[] {
  const clock = new HandClock();
  const all = beganMs.map((ms, i) => makeView(i + 1, BigInt(ms) << 16n, clock));
  for (const view of all) for (let n = 1; n <= all.length; n += 1) view.reachability.set(idOf(n), 1);
  return all;
}

function share(all: readonly View[]): void {
  for (const from of all) for (const to of all) if (from !== to) flood(from.store, to.store);
}

const offered = ({ directory }: View, name = "leader"): string[] => directory.providers(name).map(({ id, port }) => `${id.slice(-1)}:${port}`);

describe("an exclusive service", () => {
  it("is the one that was published first, on every node, and the others' owners are told", () => {
    const all = views(3000, 1000, 2000);
    const told: unknown[] = [];
    for (const [i, { directory }] of all.entries()) {
      directory.publish({ name: "leader", port: 80, exclusive: true, onconflict: (winner) => told.push([i + 1, winner?.id]) });
    }
    share(all);
    expect(all.map((view) => offered(view))).toEqual([["2:80"], ["2:80"], ["2:80"]]);
    expect(all[0]!.directory.services().map(({ id }) => id)).toEqual([idOf(2)]);
    expect(told).toEqual([]);
    all[0]!.clock.advance(0);
    expect(told.sort()).toEqual([
      [1, idOf(2)],
      [3, idOf(2)],
    ]);
  });

  it("counts from when it was published, not from when its node began, and then by the node's id", () => {
    const all = views(1000, 1000);
    all[0]!.clock.advance(5);
    all[1]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    all[0]!.clock.advance(5);
    all[0]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    for (const { directory } of all) directory.publish({ name: "twin", port: 81, exclusive: true });
    share(all);
    expect(all.map((view) => offered(view))).toEqual([["2:80"], ["2:80"]]);
    expect(all.map((view) => offered(view, "twin"))).toEqual([["1:81"], ["1:81"]]);
  });

  it("passes to the next when its owner cannot be reached, drains or withdraws it, and back", () => {
    const all = views(1000, 2000, 3000);
    const [first, second] = all.map(({ directory }) => directory.publish({ name: "leader", port: 80, exclusive: true }));
    share(all);
    const third = all[2]!;
    third.reachability.set(idOf(1), undefined);
    expect(offered(third)).toEqual(["2:80"]);
    third.reachability.set(idOf(1), 1);
    expect(offered(third)).toEqual(["1:80"]);
    first!.drain();
    share(all);
    expect(all.map((view) => offered(view))).toEqual([["2:80"], ["2:80"], ["2:80"]]);
    second!.withdraw();
    share(all);
    expect(all.map((view) => offered(view))).toEqual([["3:80"], ["3:80"], ["3:80"]]);
    first!.update({ weight: 1 });
    share(all);
    expect(all.map((view) => offered(view))).toEqual([["1:80"], ["1:80"], ["1:80"]]);
  });

  it("tells its owner when it is offered again, and nothing twice", () => {
    const all = views(1000, 2000);
    const told: (ServiceInfo | undefined)[] = [];
    const rival = all[0]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    share(all);
    const loser = all[1]!.directory.publish({ name: "leader", port: 80, exclusive: true, onconflict: (winner) => told.push(winner) });
    all[1]!.clock.advance(0);
    all[1]!.reachability.set(idOf(1), 7);
    loser.update({ weight: 7 });
    all[1]!.clock.advance(0);
    expect(told.map((winner) => winner?.id)).toEqual([idOf(1)]);
    rival.withdraw();
    share(all);
    all[1]!.clock.advance(0);
    expect(told.map((winner) => winner?.id)).toEqual([idOf(1), undefined]);
    loser.withdraw();
    all[0]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    share(all);
    all[1]!.clock.advance(0);
    expect(told).toHaveLength(2);
  });

  it("leaves alone who did not ask for it, other names, and other namespaces", () => {
    const all = views(1000, 2000);
    for (const { directory } of all) {
      directory.publish({ name: "leader", port: 80, exclusive: true });
      directory.publish({ name: "leader", port: 81 });
      directory.publish({ name: "leader", port: 82, env: "other", exclusive: true });
      directory.publish({ name: "second", port: 83, exclusive: true });
    }
    share(all);
    for (const view of all) {
      expect(offered(view).sort()).toEqual(["1:80", "1:81", "2:81"]);
      expect(view.directory.providers("leader", "other")).toHaveLength(1);
      expect(offered(view, "second")).toEqual(["1:83"]);
    }
  });

  it("says up and down in watches, one winner at a time", async () => {
    const all = views(2000, 1000);
    const watch = all[0]!.directory.registry().watch();
    await watch.next();
    all[0]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    const next = async (): Promise<unknown> => {
      const event = (await watch.next()).value as RegistryEvent<ServiceInfo>;
      return event.type === "snapshot" ? "snapshot" : [event.type, event.value.id];
    };
    const seen = [await next()];
    all[1]!.directory.publish({ name: "leader", port: 80, exclusive: true });
    share(all);
    seen.push(await next(), await next());
    expect(seen).toEqual([
      ["up", idOf(1)],
      ["down", idOf(1)],
      ["up", idOf(2)],
    ]);
  });

  it("has one winner wherever the same ones can be reached, in whatever order things were heard", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 2, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.constantFrom("hear", "lose", "find", "drain", "offer")), { maxLength: 40 }),
        (began, steps) => {
          const all = views(...began);
          const published = all.map(({ directory }) => directory.publish({ name: "leader", port: 80, exclusive: true }));
          for (const [i, j, what] of steps) {
            const [one, other] = [i % all.length, j % all.length];
            if (what === "hear") flood(all[one]!.store, all[other]!.store);
            else if (what === "lose" || what === "find") all[one]!.reachability.set(idOf(other + 1), what === "find" ? 1 : undefined);
            else if (what === "drain") published[one]!.drain();
            else published[one]!.update({ weight: 100 });
            for (const view of all) expect(offered(view).length).toBeLessThanOrEqual(1);
          }
          for (const view of all) for (let n = 1; n <= all.length; n += 1) view.reachability.set(idOf(n), 1);
          for (const each of published) each.update({ weight: 100 });
          share(all);
          const oldest = began.indexOf(Math.min(...began)) + 1;
          expect(new Set(all.flatMap((view) => offered(view)))).toEqual(new Set([`${oldest}:80`]));
        },
      ),
    );
  });
});
