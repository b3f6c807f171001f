import { describe, expect, it } from "vitest";
import { encode } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { ServiceDirectory, compareServices, type ServiceInfo } from "@astranet/discovery";
import { flood, idOf, makeView, type View } from "./support/world.ts";

const wire = (...entries: unknown[]): Uint8Array => Uint8Array.from(entries.flatMap((entry) => [...encode(entry)]));

const told = (services: Iterable<ServiceInfo>): string[] => [...services].map(({ name, id, port }) => `${name} ${id.slice(-1)}:${port}`);

/** Has another node say something in one slot. */
function say({ store }: View, n: number, slot: number, payload: Uint8Array, seq = 1): void {
  store.merge({ origin: idOf(n), incarnation: 1n, slot, seq, flags: 0, payload });
}

describe("a list of services", () => {
  it("goes by name, then from near to far, then by id and port, whatever order they came in", () => {
    const view = makeView(1);
    for (const [n, cost] of [[2, 9], [3, 5], [4, 9]] as const) view.reachability.set(idOf(n), cost);
    say(view, 4, 0x0200, wire({ n: "web", p: 81 }, { n: "web", p: 80 }, { n: "api", p: 7 }, { n: "zoo", p: 7 }));
    say(view, 3, 0x0200, wire({ n: "web", p: 90 }, { n: "zoo", p: 1 }));
    say(view, 2, 0x0200, wire({ n: "web", p: 81 }, { n: "api", p: 8 }, { n: "web", p: 80 }));
    expect(told(view.directory.services())).toEqual(["api 2:8", "api 4:7", "web 3:90", "web 2:80", "web 2:81", "web 4:80", "web 4:81", "zoo 3:1", "zoo 4:7"]);
    expect(told(view.directory.registry().getAll("web"))).toEqual(["web 3:90", "web 2:80", "web 2:81", "web 4:80", "web 4:81"]);
  });

  it("has one order for any two services, whichever is asked about first", () => {
    const service = (cost: number, n: number, port: number): ServiceInfo => ({ name: "web", env: "", id: idOf(n), port, distance: 1, cost, weight: 100, tags: {} });
    const inOrder = [service(1, 9, 99), service(2, 1, 80), service(2, 1, 81), service(2, 3, 79), service(3, 2, 1)];
    for (const [i, a] of inOrder.entries()) {
      for (const [j, b] of inOrder.entries()) expect(Math.sign(compareServices(a, b))).toBe(Math.sign(i - j));
    }
  });

  it("goes by what the ways cost now", () => {
    const view = makeView(1);
    view.reachability.set(idOf(2), 5);
    view.reachability.set(idOf(3), 9);
    for (const n of [2, 3]) say(view, n, 0x0200, wire({ n: "web", p: 80 }));
    view.reachability.setQuietly(idOf(2), 10);
    expect(told(view.directory.providers("web"))).toEqual(["web 3:80", "web 2:80"]);
    expect(told(view.directory.services())).toEqual(["web 3:80", "web 2:80"]);
  });

  it("holds what records of services say, and nothing of other kinds, before the directory was made and after", () => {
    const { store, reachability, clock } = makeView(1);
    const view = { store } as View;
    reachability.set(idOf(2), 1);
    say(view, 2, 0x0100, wire({ n: "link", p: 1 }));
    say(view, 2, 0x0200, wire({ n: "web", p: 80 }));
    const directory = new ServiceDirectory({ store, reachability, clock });
    expect(told(directory.services())).toEqual(["web 2:80"]);
    say(view, 2, 0x0101, wire({ n: "later", p: 1 }));
    say(view, 2, 0x0201, wire({ n: "api", p: 80 }));
    expect(told(directory.services())).toEqual(["api 2:80", "web 2:80"]);
  });

  it("counts an entry that its owner says twice once", () => {
    const view = makeView(1);
    view.reachability.set(idOf(2), 1);
    say(view, 2, 0x0200, wire({ n: "web", p: 80 }, { n: "web", p: 80 }));
    expect(told(view.directory.services())).toEqual(["web 2:80"]);
    say(view, 2, 0x0200, wire({ n: "web", p: 80 }), 2);
    expect(told(view.directory.services())).toEqual(["web 2:80"]);
    say(view, 2, 0x0200, wire(), 3);
    expect(view.directory.services()).toEqual([]);
  });

  it("holds at most maxServicesPerNode of another node", () => {
    const { store, reachability, clock } = makeView(1);
    const directory = new ServiceDirectory({ store, reachability, clock, maxServicesPerNode: 2 });
    reachability.set(idOf(2), 1);
    say({ store } as View, 2, 0x0200, wire({ n: "a", p: 1 }, { n: "b", p: 1 }, { n: "c", p: 1 }));
    expect(told(directory.services())).toEqual(["a 2:1", "b 2:1"]);
  });
});

describe("a registry of a directory", () => {
  it("begins with what is there, without what is hidden or of another namespace, and is the same one whenever it is asked for", async () => {
    const { directory } = makeView(1);
    directory.publish({ name: "web", port: 80 });
    directory.publish({ name: "web", port: 81, env: "prod" });
    directory.publish({ name: "secret", port: 82, hidden: true });
    expect(told(directory.registry())).toEqual(["web 1:80", "web 1:81"]);
    expect(told(directory.registry("prod"))).toEqual(["web 1:81"]);
    expect(directory.registry()).toBe(directory.registry());
    expect(directory.registry("prod")).toBe(directory.registry("prod"));
    const late = directory.registry().find("late");
    directory.publish({ name: "late", port: 83 });
    expect(await late).toMatchObject({ port: 83 });
  });

  it("of a closed directory is closed too, made before or after, and who waits gets the error that it was closed with first", async () => {
    const { directory } = makeView(1);
    const waiting = [directory.waitFor("web"), directory.registry().find("web")];
    directory.close();
    directory.close(new AstraError("EINVAL", "another one"));
    for (const promise of [...waiting, directory.registry("prod").find("web"), directory.waitFor("web")]) {
      await expect(promise).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE", message: expect.stringContaining("directory is closed") as string });
    }
  });

  it("of a directory that was closed with an error refuses with that error", async () => {
    const { directory } = makeView(1);
    const error = new AstraError("ECONNRESET", "the node went away");
    directory.close(error);
    await expect(directory.waitFor("web")).rejects.toBe(error);
    await expect(directory.registry().find("web")).rejects.toBe(error);
  });
});

describe("a service that is published once the directory is closed", () => {
  it("is in the node's records, seen by nobody here, and hears of no conflict", () => {
    const { directory, store, clock } = makeView(1);
    directory.publish({ name: "web", port: 80 });
    directory.close();
    const conflicts: unknown[] = [];
    const onconflict = (winner: unknown): unknown => conflicts.push(winner);
    directory.publish({ name: "late", port: 80, exclusive: true, onconflict });
    clock.advance(0);
    expect([told(directory.services()), conflicts]).toEqual([["web 1:80"], []]);
    const other = makeView(2);
    other.reachability.set(idOf(1), 1);
    flood(store, other.store);
    expect(told(other.directory.services())).toEqual(["late 1:80", "web 1:80"]);
    const never = makeView(3);
    never.directory.close();
    never.directory.publish({ name: "late", port: 80, exclusive: true, onconflict });
    never.clock.advance(0);
    expect(conflicts).toEqual([]);
  });
});
