import { describe, expect, it } from "vitest";
import { ServiceDirectory, type Publication, type PublishInit } from "@astranet/discovery";
import { encodeEntry } from "../src/service-entry.ts";
import { flood, idOf, makeView, type View } from "./support/world.ts";

const overload = (about: string): Error =>
  expect.objectContaining({ code: "ERR_ASTRANET_OVERLOAD", message: expect.stringContaining(about) as string }) as Error;

/** A node's own directory, with these limits. */
function makeOwn(limits: { maxServicesPerNode?: number; maxServiceBytes?: number } = {}): View {
  const view = makeView(1);
  view.directory.close();
  return { ...view, directory: new ServiceDirectory({ ...view, ...limits }) };
}

/** What a service takes in a record. */
function bytesOf({ name, port, env = "", weight = 100, tags = {} }: PublishInit): number {
  return encodeEntry({ name, port, env, weight, hidden: false, tags, exclusiveSince: undefined }).length;
}

/** Another node that is told everything, record by record as they are written. */
function follow({ store }: View): View {
  const other = makeView(2);
  other.reachability.set(idOf(1), 1);
  flood(store, other.store);
  store.subscribe((_origin, record) => {
    if (record !== undefined) other.store.merge(record);
  });
  return other;
}

const ports = ({ directory }: View): number[] => directory.providers("web").map(({ port }) => port);

/** Services of one name and so many bytes together, in ports from 1. */
function fill(directory: ServiceDirectory, total: number): Publication[] {
  const published: Publication[] = [];
  for (let left = total, port = 1; left > 0; port += 1) {
    const empty = bytesOf({ name: "web", port, weight: 200, tags: { a: "x".repeat(32) } }) - 32;
    // The last two share what is left, so that each has tags whose length takes one byte to say.
    const size = left > 600 ? 280 : left > 280 ? left >> 1 : left;
    const init = { name: "web", port, weight: 200, tags: { a: "x".repeat(size - empty) } };
    if (bytesOf(init) !== size) init.tags.a = init.tags.a.slice(bytesOf(init) - size);
    published.push(directory.publish(init));
    left -= bytesOf(init);
  }
  return published;
}

describe("a node's own services", () => {
  it("are maxServicesPerNode at most, and one that is withdrawn, once or twice, makes room for one", () => {
    const { directory } = makeOwn({ maxServicesPerNode: 2 });
    const first = directory.publish({ name: "web", port: 1 });
    directory.publish({ name: "web", port: 2 });
    expect(() => directory.publish({ name: "web", port: 3 })).toThrow(overload("2 services"));
    first.withdraw();
    first.withdraw();
    directory.publish({ name: "web", port: 3 });
    expect(() => directory.publish({ name: "web", port: 4 })).toThrow(overload("2 services"));
    expect(directory.services()).toHaveLength(2);
  });

  it("take maxServiceBytes at most, to the byte, and what is withdrawn makes room for as much", () => {
    const size = bytesOf({ name: "web", port: 1 });
    const { directory } = makeOwn({ maxServiceBytes: 2 * size });
    const first = directory.publish({ name: "web", port: 1 });
    directory.publish({ name: "web", port: 2 });
    expect(() => directory.publish({ name: "web", port: 3 })).toThrow(overload(`${3 * size} bytes, ${2 * size} are allowed`));
    first.withdraw();
    directory.publish({ name: "web", port: 3 });
    expect(() => directory.publish({ name: "web", port: 4 })).toThrow(overload("bytes"));
  });

  it("keep the room that they need to be offered again", async () => {
    const init = { name: "web", port: 1, weight: 200 };
    const view = makeOwn({ maxServiceBytes: bytesOf(init) + bytesOf({ name: "web", port: 2 }) });
    let well = true;
    view.directory.publish({ ...init, checkIntervalMs: 100, check: () => well });
    const seen: number[][] = [];
    for (const now of [false, true]) {
      well = now;
      view.clock.advance(100);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      seen.push(ports(view));
      if (!now) {
        expect(() => view.directory.publish({ name: "web", port: 2, weight: 200 })).toThrow(overload("bytes"));
        view.directory.publish({ name: "web", port: 2 });
      }
    }
    expect(seen).toEqual([[], [1, 2]]);
  });

  it("are not to be had twice, and the error says which", () => {
    const { directory } = makeOwn();
    directory.publish({ name: "web", port: 80, env: "prod" });
    expect(() => directory.publish({ name: "web", port: 80, env: "prod" })).toThrow(
      expect.objectContaining({ code: "EADDRINUSE", message: expect.stringContaining("prod/web:80") as string }),
    );
  });

  it("stay withdrawn, whatever is asked of them then", () => {
    const view = makeOwn();
    const other = follow(view);
    const web = view.directory.publish({ name: "web", port: 80 });
    web.withdraw();
    web.update({ weight: 5 });
    web.drain();
    web.update({ tags: { a: "b" } });
    expect([view.directory.services(), other.directory.services()]).toEqual([[], []]);
    expect(view.store.get(idOf(1), 0x0200)?.payload).toHaveLength(0);
    view.directory.publish({ name: "web", port: 80 });
  });

  it("stay drained when their tags change, and when a new weight is refused", () => {
    const view = makeOwn({ maxServiceBytes: bytesOf({ name: "web", port: 80, tags: { a: "b" } }) });
    const web = view.directory.publish({ name: "web", port: 80 });
    web.update({ tags: { b: "a" } });
    expect(ports(view)).toEqual([80]);
    web.drain();
    web.update({ tags: { a: "b" } });
    expect(ports(view)).toEqual([]);
    expect(() => web.update({ weight: 200 })).toThrow(overload("bytes"));
    expect(() => web.update({ weight: 256 })).toThrow(expect.objectContaining({ code: "EINVAL" }));
    web.update({ tags: {} });
    expect(ports(view)).toEqual([]);
    web.update({ weight: 7 });
    expect(view.directory.services()).toMatchObject([{ weight: 7, tags: {} }]);
  });
});

describe("the records of a node's own services", () => {
  it("are one up to 4 KiB, and spread beyond; whoever follows them never loses a service on the way", async () => {
    const view = makeOwn();
    const other = follow(view);
    const watch = other.directory.registry().watch();
    await watch.next();
    const published = fill(view.directory, 4096);
    expect([...view.store.records(idOf(1))].map(({ slot, payload }) => [slot, payload.length])).toEqual([[0x0200, 4096]]);
    published.push(view.directory.publish({ name: "web", port: 1000 }));
    const said = [...view.store.records(idOf(1))].map(({ slot, payload }) => [slot, payload.length > 0]);
    expect(said).toEqual([[0x0200, false], [expect.any(Number), true]]);
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) published.push(view.directory.publish({ name, port: 80 }));
    expect(ports(other)).toEqual(ports(view));
    expect(other.directory.services()).toHaveLength(published.length);
    for (let i = 0; i < published.length; i += 1) expect((await watch.next()).value).toMatchObject({ type: "up" });
    for (const each of published) each.withdraw();
    expect([...other.store.records(idOf(1))].filter(({ payload }) => payload.length > 0)).toEqual([]);
    expect(other.directory.services()).toEqual([]);
  });

  it("move at once, with all that they hold", () => {
    const view = makeOwn();
    const other = follow(view);
    const names = Array.from({ length: 40 }, (_, i) => `service-${i}`);
    for (const [i, name] of names.entries()) {
      view.directory.publish({ name, port: 80, tags: { a: "x".repeat(400) } });
      expect(other.directory.services()).toHaveLength(i + 1);
    }
    const kept = [...view.store.records(idOf(1))].map(({ payload }) => payload.length).filter((length) => length > 0);
    expect(kept.length).toBeGreaterThan(4);
    expect(Math.max(...kept)).toBeLessThanOrEqual(4096);
  });

  it("hold 16 KiB of one name, to the byte; what is beyond is refused, and changes nothing", () => {
    const view = makeOwn();
    const other = follow(view);
    const published = fill(view.directory, 16_384);
    for (let i = 0; i < 50; i += 1) {
      published[0]!.drain();
      published[0]!.update({ weight: 200 });
    }
    expect(Math.max(...[...view.store.records(idOf(1))].map(({ payload }) => payload.length))).toBe(16_384);
    const before = other.directory.services();
    expect(() => view.directory.publish({ name: "web", port: 1000 })).toThrow(overload("services of one name"));
    expect(() => published[0]!.update({ tags: { a: "y".repeat(300) } })).toThrow(overload("services of one name"));
    published[1]!.withdraw();
    const left = before.filter(({ port }) => port !== 2);
    expect(other.directory.services()).toEqual(left);
    view.directory.publish({ name: "web", port: 1000 });
    expect(other.directory.services()).toHaveLength(left.length + 1);
  });
});
