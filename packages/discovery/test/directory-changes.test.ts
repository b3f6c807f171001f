import { describe, expect, it } from "vitest";
import { encode } from "@msgpack/msgpack";
import type { RegistryEvent, ServiceInfo } from "@astranet/discovery";
import { idOf, makeView, type View } from "./support/world.ts";

interface Watched extends View {
  /** Node 2 says all this in its one fragment, instead of what it said before. */
  say(...entries: unknown[]): void;
  /** What a watch has been told since the last call. */
  told(): Promise<unknown[]>;
}

/** A view that reaches node 2, which says so much in the beginning. */
async function watched(...entries: unknown[]): Promise<Watched> {
  const view = makeView(1);
  let seq = 0;
  const say = (...each: unknown[]): void => {
    const payload = Uint8Array.from(each.flatMap((entry) => [...encode(entry)]));
    view.store.merge({ origin: idOf(2), incarnation: 1n, slot: 0x0200, seq: ++seq, flags: 0, payload });
  };
  view.reachability.set(idOf(2), 1);
  say(...entries);
  const watch = view.directory.registry().watch();
  await watch.next();
  let marks = 0;
  const told = async (): Promise<unknown[]> => {
    const mark = view.directory.publish({ name: "mark", port: ++marks });
    const events: unknown[] = [];
    for (;;) {
      const event = (await watch.next()).value as Exclude<RegistryEvent<ServiceInfo>, { type: "snapshot" }>;
      if (event.key === "mark") break;
      events.push(`${event.type} ${event.key}:${event.value.port}`);
    }
    mark.withdraw();
    await watch.next();
    return events;
  };
  return { ...view, say, told };
}

const names = (services: Iterable<ServiceInfo>): string[] => [...services].map(({ name }) => name);

describe("what an owner changes in one step", () => {
  it("hides a service, and shows it again", async () => {
    const { directory, say, told } = await watched({ n: "web", p: 80 });
    say({ n: "web", p: 80, h: true });
    expect(await told()).toEqual(["down web:80"]);
    expect([names(directory.services()), names(directory.providers("web"))]).toEqual([[], ["web"]]);
    say({ n: "web", p: 80, h: true, w: 7 });
    expect(await told()).toEqual([]);
    expect(directory.providers("web")).toMatchObject([{ weight: 7 }]);
    say({ n: "web", p: 80 });
    expect(await told()).toEqual(["up web:80"]);
    expect(names(directory.services())).toEqual(["web"]);
  });

  it("makes a service exclusive, and not exclusive again", async () => {
    const { say, told } = await watched({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81 });
    say({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81, x: 2000 });
    expect(await told()).toEqual(["down leader:81"]);
    say({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81 });
    expect(await told()).toEqual(["up leader:81"]);
  });

  it("makes an exclusive service older than another", async () => {
    const { say, told } = await watched({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81, x: 2000 });
    say({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81, x: 500 });
    expect(await told()).toEqual(["down leader:80", "up leader:81"]);
  });

  it.each([
    ["the weight", { n: "web", p: 80, w: 7, t: { a: "b" } }],
    ["a tag's value", { n: "web", p: 80, t: { a: "c" } }],
    ["a tag's name", { n: "web", p: 80, t: { c: "b" } }],
    ["one tag more", { n: "web", p: 80, t: { a: "b", c: "d" } }],
    ["one tag less", { n: "web", p: 80 }],
  ])("is told, when it is %s", async (_what, entry) => {
    const { say, told } = await watched({ n: "web", p: 80, t: { a: "b" } });
    say(entry);
    expect(await told()).toEqual(["change web:80"]);
  });

  it("is told, when it is one tag's value among several, or a tag that was there before", async () => {
    const { say, told } = await watched({ n: "web", p: 80, t: { a: "b", c: "d" } });
    say({ n: "web", p: 80, t: { a: "b", c: "e" } });
    expect(await told()).toEqual(["change web:80"]);
    say({ n: "web", p: 80, t: { a: "b" } });
    expect(await told()).toEqual(["change web:80"]);
  });

  it("is not told of what stays as it was in the same fragment", async () => {
    const same = [{ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81, x: 2000 }, { n: "api", p: 80 }, { n: "web", p: 80, t: { a: "b", c: "d" } }];
    const { say, told } = await watched(...same);
    say(...same, { n: "one-more", p: 80 });
    expect(await told()).toEqual(["up one-more:80"]);
  });
});

describe("a service that changes", () => {
  it("tells of more links on the way, though the cost is the same", async () => {
    const view = await watched({ n: "web", p: 80 });
    let links = 1;
    Object.assign(view.reachability, { hops: () => links });
    view.reachability.set(idOf(2), 1);
    expect(await view.told()).toEqual([]);
    links = 2;
    view.reachability.set(idOf(2), 1);
    expect(await view.told()).toEqual(["change web:80"]);
    expect(view.directory.services()).toMatchObject([{ distance: 2 }]);
  });

  it("keeps its place in registries, and gives nobody else a turn, even for a moment", async () => {
    const { directory, say } = await watched({ n: "leader", p: 80, x: 1000 }, { n: "leader", p: 81, x: 2000 }, { n: "web", p: 80 }, { n: "api", p: 80 });
    expect(names(directory.registry())).toEqual(["leader", "web", "api"]);
    const rivals: ServiceInfo[] = [];
    void directory.waitFor("leader", "", { port: 81 }).then((service) => rivals.push(service));
    say({ n: "leader", p: 80, x: 1000, w: 7 }, { n: "leader", p: 81, x: 2000 }, { n: "web", p: 80, w: 8 }, { n: "api", p: 80 });
    expect([...directory.registry()].map(({ name, weight }) => [name, weight])).toEqual([
      ["leader", 7],
      ["web", 8],
      ["api", 100],
    ]);
    await Promise.resolve();
    expect(rivals).toEqual([]);
  });
});
