import { describe, expect, it } from "vitest";
import { encode } from "@msgpack/msgpack";
import { ServiceDirectory, recordKinds, type RegistryEvent, type ServiceInfo } from "@astranet/discovery";
import { flood, idOf, makeView } from "./support/world.ts";

/** Entries as another implementation may write them. */
const wire = (...entries: unknown[]): Uint8Array => Uint8Array.from(entries.flatMap((entry) => [...encode(entry)]));

const names = (services: Iterable<ServiceInfo>): string[] => [...services].map(({ name }) => name);

describe("ServiceDirectory", () => {
  it("shows a node's own services at once, without any reachability", () => {
    const { directory } = makeView(1);
    const web = directory.publish({ name: "web", port: 80, tags: { zone: "a" } });
    expect(directory.services()).toEqual([
      { name: "web", env: "", id: idOf(1), port: 80, distance: 0, cost: 0, weight: 100, tags: { zone: "a" } },
    ]);
    web.withdraw();
    expect(directory.services()).toEqual([]);
  });

  it("shows another node's services exactly while it can be reached", () => {
    const here = makeView(1);
    const there = makeView(2);
    there.directory.publish({ name: "web", port: 80 });
    flood(there.store, here.store);
    expect(here.directory.services()).toEqual([]);
    here.reachability.set(idOf(2), 7);
    expect(here.directory.services()).toMatchObject([{ name: "web", id: idOf(2), distance: 1, cost: 7 }]);
    here.reachability.set(idOf(2), undefined);
    expect(here.directory.services()).toEqual([]);
    here.reachability.set(idOf(2), 3);
    expect(here.directory.services()).toMatchObject([{ cost: 3 }]);
  });

  it("says what the way costs now, not when the service came", () => {
    const here = makeView(1);
    const there = makeView(2);
    there.directory.publish({ name: "web", port: 80 });
    here.reachability.set(idOf(2), 7);
    flood(there.store, here.store);
    here.reachability.setQuietly(idOf(2), 3);
    expect(here.directory.services()).toMatchObject([{ cost: 3 }]);
    expect(here.directory.providers("web")).toMatchObject([{ cost: 3 }]);
  });

  it("lists nobody who cannot be reached now, though it was not told yet", () => {
    const here = makeView(1);
    const there = makeView(2);
    there.directory.publish({ name: "web", port: 80 });
    here.directory.publish({ name: "own", port: 80 });
    flood(there.store, here.store);
    here.reachability.set(idOf(2), 1);
    expect(names(here.directory.services())).toEqual(["own", "web"]);
    here.reachability.setQuietly(idOf(2), undefined);
    expect(names(here.directory.services())).toEqual(["own"]);
  });

  it("lets only the owner withdraw, and nothing come back by an old record", () => {
    const here = makeView(1);
    const there = makeView(2);
    here.reachability.set(idOf(2), 1);
    const web = there.directory.publish({ name: "web", port: 80 });
    const old = [...there.store.records()];
    flood(there.store, here.store);
    web.withdraw();
    flood(there.store, here.store);
    for (const record of old) here.store.merge(record);
    expect(here.directory.services()).toEqual([]);
  });

  it("takes two binds of one name for two providers, and two of one port for a mistake", () => {
    const { directory } = makeView(1);
    directory.publish({ name: "web", port: 80 });
    directory.publish({ name: "web", port: 81 });
    expect(directory.providers("web").map(({ port }) => port)).toEqual([80, 81]);
    expect(directory.providers("web", "", 81).map(({ port }) => port)).toEqual([81]);
    expect(() => directory.publish({ name: "web", port: 80 })).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  });

  it("keeps namespaces apart, in lists, registries and providers", () => {
    const { directory } = makeView(1);
    const prod = directory.registry("prod");
    directory.publish({ name: "web", env: "prod", port: 80 });
    directory.publish({ name: "web", port: 81 });
    expect(directory.services("prod").map(({ port }) => port)).toEqual([80]);
    expect(directory.services("").map(({ port }) => port)).toEqual([81]);
    expect(directory.services()).toHaveLength(2);
    expect(names(prod)).toEqual(["web"]);
    expect(prod.get("web")).toMatchObject({ port: 80 });
    expect(directory.registry("").get("web")).toMatchObject({ port: 81 });
    expect(directory.providers("web", "prod")).toHaveLength(1);
  });

  it("offers a draining service to nobody, and a hidden one only to those who know its name", () => {
    const { directory } = makeView(1);
    const draining = directory.publish({ name: "web", port: 80 });
    directory.publish({ name: "secret", port: 81, hidden: true });
    draining.drain();
    expect(directory.services()).toEqual([]);
    expect(directory.providers("web")).toEqual([]);
    expect(directory.providers("secret")).toHaveLength(1);
    draining.update({ weight: 5 });
    expect(directory.services()).toMatchObject([{ name: "web", weight: 5 }]);
  });

  it("tells a watch what comes, changes and goes", async () => {
    const here = makeView(1);
    const there = makeView(2);
    const events: RegistryEvent<ServiceInfo>[] = [];
    const watch = here.directory.registry().watch();
    events.push((await watch.next()).value as RegistryEvent<ServiceInfo>);
    there.directory.publish({ name: "web", port: 80 });
    flood(there.store, here.store);
    for (const cost of [5, 6, undefined]) {
      here.reachability.set(idOf(2), cost);
      events.push((await watch.next()).value as RegistryEvent<ServiceInfo>);
    }
    expect(events.map(({ type }) => type)).toEqual(["snapshot", "up", "change", "down"]);
  });

  it("waits for a first provider, and rejects with the signal's own reason", async () => {
    const { directory } = makeView(1);
    const found = directory.waitFor("web");
    const onPort = directory.waitFor("web", "", { port: 81 });
    const controller = new AbortController();
    const never = directory.waitFor("other", "", { signal: controller.signal });
    directory.publish({ name: "web", port: 80 });
    directory.publish({ name: "web", port: 81 });
    expect(await found).toMatchObject({ port: 80 });
    expect(await onPort).toMatchObject({ port: 81 });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(never).rejects.toBe(reason);
  });

  it("spreads many services over fragments, so that one more bind rewrites little", () => {
    const { directory, store } = makeView(1);
    for (let i = 0; i < 1000; i += 1) directory.publish({ name: `service-${i}`, port: 1000 + i });
    expect(directory.services()).toHaveLength(1000);
    const written: number[] = [];
    store.subscribe((_origin, record) => written.push(record?.payload.length ?? -1));
    directory.publish({ name: "one-more", port: 80 });
    expect(written).toHaveLength(1);
    expect(written[0]).toBeLessThan(4096);
    const other = makeView(2);
    other.reachability.set(idOf(1), 1);
    flood(store, other.store);
    expect(other.directory.services()).toHaveLength(1001);
  });

  it("maxServiceBytes: refuses more of its own, and draining and withdrawing always work", () => {
    const { store, reachability } = makeView(1);
    const directory = new ServiceDirectory({ store, reachability, maxServiceBytes: 100 });
    const published = [80, 81, 82, 83, 84, 85].map((port) => directory.publish({ name: "web", port }));
    expect(() => directory.publish({ name: "web", port: 90, tags: { a: "b".repeat(20) } })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD" }));
    expect(() => published[0]!.update({ tags: { a: "b".repeat(30) } })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD" }));
    expect(directory.providers("web")).toHaveLength(6);
    for (const each of published) each.drain();
    expect(directory.providers("web")).toEqual([]);
    for (const each of published) each.withdraw();
    expect(store.get(store.self, 0x0200)?.payload).toHaveLength(0);
    directory.publish({ name: "web", port: 90, tags: { a: "b".repeat(20) } });
  });

  it("drains all of its own at once", () => {
    const { directory } = makeView(1);
    directory.publish({ name: "web", port: 80 });
    const echo = directory.publish({ name: "echo", port: 81 });
    directory.drain();
    expect(directory.services()).toEqual([]);
    echo.update({ weight: 3 });
    expect(names(directory.services())).toEqual(["echo"]);
  });

  it("costs no more for one fragment of an owner than that fragment holds", () => {
    const here = makeView(1);
    here.reachability.set(idOf(2), 1);
    for (let fragment = 0; fragment < 64; fragment += 1) {
      const payload = wire(...Array.from({ length: 30 }, (_, i) => ({ n: `s${fragment}-${i}`, p: 1 })));
      here.store.merge({ origin: idOf(2), incarnation: 1n, slot: 0x0200 + fragment, seq: 1, flags: 0, payload });
    }
    expect(here.directory.services()).toHaveLength(64 * 30);
    let asked = 0;
    const { cost } = here.reachability;
    here.reachability.cost = (id: string) => {
      asked += 1;
      return cost.call(here.reachability, id);
    };
    here.store.merge({ origin: idOf(2), incarnation: 1n, slot: 0x0200, seq: 2, flags: 0, payload: wire({ n: "left", p: 1 }) });
    expect(asked).toBe(1);
    expect(here.directory.services()).toHaveLength(63 * 30 + 1);
  });

  it("forgets what an older life of an owner said, slot by slot", () => {
    const here = makeView(1);
    here.reachability.set(idOf(2), 1);
    const say = (incarnation: bigint, slot: number, ...entries: unknown[]): void => {
      here.store.merge({ origin: idOf(2), incarnation, slot, seq: 1, flags: 0, payload: wire(...entries) });
    };
    say(1n, 0x0200, { n: "a", p: 1 });
    say(1n, 0x0201, { n: "b", p: 1 }, { n: "a", p: 1 });
    say(2n, 0x0201, { n: "b", p: 1 });
    expect(names(here.directory.services())).toEqual(["b"]);
    here.store.drop(idOf(2));
    expect(here.directory.services()).toEqual([]);
  });

  it("does not lose an entry that moves from one fragment to another, in whatever order the records come", () => {
    const here = makeView(1);
    here.reachability.set(idOf(2), 1);
    const payload = wire({ n: "web", p: 80 });
    const say = (slot: number, seq: number, bytes: Uint8Array): void => {
      here.store.merge({ origin: idOf(2), incarnation: 1n, slot, seq, flags: 0, payload: bytes });
    };
    say(0x0205, 1, payload);
    say(0x0200, 1, payload);
    say(0x0200, 2, new Uint8Array(0));
    expect(names(here.directory.services())).toEqual(["web"]);
    say(0x0205, 2, new Uint8Array(0));
    expect(here.directory.services()).toEqual([]);
  });

  it("maxServicesPerNode: refuses more of its own, and does not see more of another", () => {
    const { directory } = makeView(1);
    for (let i = 0; i < 4096; i += 1) directory.publish({ name: `s${i}`, port: 1 + i });
    expect(() => directory.publish({ name: "web", port: 80 })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD" }));
    const here = makeView(2);
    here.reachability.set(idOf(3), 1);
    const entries = Array.from({ length: 1000 }, (_, i) => ({ n: `s${i}`, p: i + 1 }));
    for (let fragment = 0; fragment < 5; fragment += 1) {
      const payload = wire(...entries.map(({ n, p }) => ({ n: `${n}-${fragment}`, p })));
      here.store.merge({ origin: idOf(3), incarnation: 1n, slot: (recordKinds.service << 8) | fragment, seq: 1, flags: 0, payload });
    }
    expect(here.directory.services()).toHaveLength(4096);
  });

  it("ignores fields, entries and payloads that it does not understand", () => {
    const here = makeView(1);
    here.reachability.set(idOf(2), 1);
    const say = (seq: number, payload: Uint8Array): void => {
      here.store.merge({ origin: idOf(2), incarnation: 1n, slot: 0x0200, seq, flags: 0, payload });
    };
    say(1, wire({ n: "web", p: 80, zz: { deep: [1] } }, { n: "not-exclusive", p: 80, x: "yes" }, { n: "Bad Name", p: 1 }, { n: "later", p: -1 }, 7, null, { n: "q", p: 1, t: 5 }, { n: "r", p: 2, w: 999 }));
    expect(names(here.directory.services())).toEqual(["web"]);
    say(2, Uint8Array.of(0xc1, 0xc1));
    expect(here.directory.services()).toEqual([]);
    say(3, wire({ n: "web" }));
    expect(here.directory.services()).toEqual([]);
    say(4, Uint8Array.from([...wire({ n: "web", p: 80 }), 0xdd, 0xff, 0xff, 0xff, 0xff]));
    expect(names(here.directory.services())).toEqual(["web"]);
  });

  it.each([
    [{ name: "Web", port: 80 }],
    [{ name: "web", port: 0 }],
    [{ name: "web", port: 2 ** 32 }],
    [{ name: "web", port: 80, weight: 256 }],
    [{ name: "web", port: 80, env: "Prod" }],
    [{ name: "web", port: 80, tags: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`t${i}`, "x"])) }],
    [{ name: "web", port: 80, tags: { big: "x".repeat(513) } }],
    [{ name: "web", port: 80, tags: { a: 1 as unknown as string } }],
    [{ name: "web", port: 80, checkIntervalMs: 0 }],
    [{ name: "web", port: 80, checkIntervalMs: Number.NaN }],
  ])("does not publish %j", (init) => {
    const { directory } = makeView(1);
    expect(() => directory.publish(init)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(directory.services()).toEqual([]);
  });

  it("follows neither store nor reachability once it is closed", () => {
    const { directory, store, reachability } = makeView(1);
    reachability.set(idOf(2), 1);
    directory.close();
    const there = makeView(2);
    there.directory.publish({ name: "web", port: 80 });
    flood(there.store, store);
    expect(directory.services()).toEqual([]);
  });
});
