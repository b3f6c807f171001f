import { describe, expect, it } from "vitest";
import { encode } from "@msgpack/msgpack";
import { checkEntry, decodeEntries, type ServiceEntry } from "../src/service-entry.ts";

const read = (...entries: unknown[]): ServiceEntry[] => decodeEntries(Uint8Array.from(entries.flatMap((entry) => [...encode(entry)])));

const names = (entries: readonly ServiceEntry[]): string[] => entries.map(({ name }) => name);

const manyTags = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, "x"]));

describe("an entry of another node", () => {
  it.each([null, 7, "web", true, [1], { n: "q", p: 1, t: null }, { n: "q", p: 1, t: "x" }, { n: "q", p: 1, t: 5 }])("says nothing where it is %j, and what follows counts", (entry) => {
    expect(names(read({ n: "before", p: 1 }, entry, { n: "after", p: 2 }))).toEqual(["before", "after"]);
  });

  it.each([{ p: "80" }, { p: 1.5 }, { p: 0 }, { p: 2 ** 32 }, { w: 0.5 }, { w: "7" }, { w: -1 }, { w: 256 }, { x: -1 }, { x: "1" }, { e: "Prod" }, { e: 5 }])("says nothing with %j", (wrong) => {
    expect(read({ n: "web", p: 80, ...wrong })).toEqual([]);
  });

  it("keeps of its tags those that are text, 16 of them and 512 bytes at most", () => {
    expect(read({ n: "web", p: 80, t: { a: "b", c: 5, d: { e: "f" } } })).toMatchObject([{ tags: { a: "b" } }]);
    expect(read({ n: "web", p: 80, t: { a: "b", c: 5 } })[0]!.tags).toEqual({ a: "b" });
    expect(read({ n: "web", p: 80, t: { ...manyTags(16), five: 5 } })[0]!.tags).toEqual(manyTags(16));
    expect(read({ n: "web", p: 80, t: manyTags(17) })).toEqual([]);
    expect(read({ n: "web", p: 80, t: { a: "é".repeat(255) + "x" } })).toHaveLength(1);
    expect(read({ n: "web", p: 80, t: { a: "é".repeat(256) } })).toEqual([]);
  });
});

describe("an entry of one's own", () => {
  const entry: ServiceEntry = { name: "web", env: "", port: 80, weight: 100, hidden: false, tags: {}, exclusiveSince: undefined };

  it.each([{ port: 1 }, { port: 2 ** 32 - 1 }, { weight: 0 }, { weight: 255 }, { env: "prod.eu" }, { tags: manyTags(16) }, { tags: { a: "x".repeat(511) } }])("may have %j", (change) => {
    expect(checkEntry({ ...entry, ...change })).toMatchObject(change);
  });

  it.each([
    [{ port: 0 }, "port 0 is not between 1 and 4294967295"],
    [{ port: 1.5 }, "port 1.5"],
    [{ port: "80" as unknown as number }, "port 80"],
    [{ weight: 256 }, "weight 256"],
    [{ weight: 0.5 }, "weight 0.5"],
    [{ env: "Prod" }, 'env "Prod"'],
    [{ tags: { a: "b", zone: 5 as unknown as string } }, 'tag "zone" is not a string'],
    [{ tags: manyTags(17) }, "17 tags are more than 16"],
    [{ tags: { a: "x".repeat(512) } }, "513 bytes of tags are more than 512"],
  ])("may not have %j: %s", (change, why) => {
    expect(() => checkEntry({ ...entry, ...change })).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringMatching(/service "web": /) as string }),
    );
    expect(() => checkEntry({ ...entry, ...change })).toThrow(why);
  });
});
