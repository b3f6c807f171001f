import { describe, expect, it } from "vitest";
import { LiveRegistry, type RegistryEvent } from "@astranet/discovery";

const told = (event: RegistryEvent<number>): unknown => (event.type === "snapshot" ? event.values : [event.type, event.key, event.value]);

async function next(watch: AsyncIterator<RegistryEvent<number>>): Promise<unknown> {
  const step = await watch.next();
  return step.done === true ? "done" : told(step.value);
}

describe("LiveRegistry", () => {
  it("finds the best value of a key", () => {
    const registry = new LiveRegistry<number>((a, b) => a - b);
    registry.set("x", "web", 3);
    registry.set("y", "web", 2);
    registry.set("z", "other", 1);
    expect([registry.size, registry.get("web"), registry.getAll("web"), registry.get("none"), [...registry]]).toEqual([3, 2, [2, 3], undefined, [3, 2, 1]]);
    registry.delete("y");
    expect([registry.size, registry.get("web")]).toEqual([2, 3]);
    registry.delete("y");
    expect(registry.size).toBe(2);
  });

  it("ends watches and refuses who waits when its owner closes it, then and later", async () => {
    const registry = new LiveRegistry<number>();
    const watch = registry.watch();
    expect(await next(watch)).toEqual([]);
    const [waiting, pending] = [registry.find("none"), next(watch)];
    const behind = registry.watch();
    registry.set("a", "web", 1);
    expect(await pending).toEqual(["up", "web", 1]);
    const last = next(watch);
    const error = new Error("closed");
    registry.close(error);
    await expect(waiting).rejects.toBe(error);
    expect(await last).toBe("done");
    expect([await next(behind), await next(behind)]).toEqual([[1], "done"]);
    await expect(registry.find("none")).rejects.toBe(error);
    expect(await registry.find("web")).toBe(1);
  });

  it("finds the best value that is accepted, as soon as there is one", async () => {
    const registry = new LiveRegistry<number>((a, b) => a - b);
    registry.set("a", "web", 1);
    registry.set("b", "web", 4);
    registry.set("c", "web", 2);
    expect(await registry.findWhere("web", (value) => value % 2 === 0)).toBe(2);
    const waiting = registry.findWhere("web", (value) => value > 9);
    registry.set("d", "web", 5);
    registry.delete("b");
    registry.delete("d");
    registry.set("a", "web", 10);
    expect(await waiting).toBe(10);
    expect([registry.getAll("web"), registry.size]).toEqual([[2, 10], 2]);
    for (const uid of ["a", "c"]) registry.delete(uid);
    expect([registry.getAll("web"), registry.size]).toEqual([[], 0]);
    const never = registry.findWhere("web", () => true);
    const error = new Error("closed");
    registry.close(error);
    await expect(never).rejects.toBe(error);
  });

  it("makes one event of changes to one value that nobody read yet", async () => {
    const registry = new LiveRegistry<number>();
    registry.set("old", "k", 0);
    const watch = registry.watch();
    expect(await next(watch)).toEqual([0]);
    registry.set("a", "k", 1);
    registry.set("a", "k", 2);
    registry.set("gone", "k", 3);
    registry.delete("gone");
    registry.delete("old");
    registry.set("old", "k", 4);
    expect(await next(watch)).toEqual(["up", "k", 2]);
    expect(await next(watch)).toEqual(["change", "k", 4]);
    const pending = next(watch);
    registry.delete("a");
    expect(await pending).toEqual(["down", "k", 2]);
  });

  it("gives a watch that fell behind a new snapshot instead of a growing list", async () => {
    const registry = new LiveRegistry<number>();
    const watch = registry.watch();
    expect(await next(watch)).toEqual([]);
    for (let i = 0; i < 1025; i += 1) registry.set(`u${i}`, "k", i);
    expect(await next(watch)).toHaveLength(1025);
    registry.set("last", "k", -1);
    expect(await next(watch)).toEqual(["up", "k", -1]);
  });

  it("ends a watch with its loop, with return() while it waits, and with the signal's own reason", async () => {
    const registry = new LiveRegistry<number>();
    registry.set("a", "k", 1);
    for await (const event of registry.watch()) {
      expect(told(event)).toEqual([1]);
      break;
    }
    const returned = registry.watch();
    await returned.next();
    const waiting = next(returned);
    await returned.return?.();
    expect(await waiting).toBe("done");
    const controller = new AbortController();
    const aborted = registry.watch({ signal: controller.signal });
    await aborted.next();
    const pending = aborted.next();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await expect(registry.watch({ signal: controller.signal }).next()).rejects.toBe(reason);
  });

  it("makes a change and an end that nobody read yet one end", async () => {
    const registry = new LiveRegistry<number>();
    registry.set("a", "k", 1);
    const watch = registry.watch();
    expect(await next(watch)).toEqual([1]);
    registry.set("a", "k", 2);
    registry.delete("a");
    expect(await next(watch)).toEqual(["down", "k", 2]);
  });

  it("gives a watch 1,024 events one by one", async () => {
    const registry = new LiveRegistry<number>();
    const watch = registry.watch();
    expect(await next(watch)).toEqual([]);
    for (let i = 0; i < 1024; i += 1) registry.set(`u${i}`, "k", i);
    for (let i = 0; i < 1024; i += 1) expect(await next(watch)).toEqual(["up", "k", i]);
  });

  it("says that a watch is done when it is ended, by return() or by its signal before it began", async () => {
    const registry = new LiveRegistry<number>();
    expect(await registry.watch().return?.()).toEqual({ done: true, value: undefined });
    const controller = new AbortController();
    const watch = registry.watch({ signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(watch.next()).rejects.toBe(reason);
    expect(await next(watch)).toBe("done");
  });

  it("refuses who asks with a signal that was aborted, whether there is a value or not", async () => {
    const registry = new LiveRegistry<number>();
    registry.set("a", "k", 1);
    const reason = new Error("enough");
    for (const key of ["k", "none"]) await expect(registry.find(key, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it("wakes everybody who waits for one key, and nobody who left", async () => {
    const registry = new LiveRegistry<number>();
    const controller = new AbortController();
    const left = registry.find("k", { signal: controller.signal });
    const waiting = [registry.find("k"), registry.find("k")];
    controller.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    registry.set("a", "k", 1);
    expect(await Promise.all(waiting)).toEqual([1, 1]);
    registry.delete("a");
    const later = registry.find("k");
    registry.set("b", "k", 2);
    expect(await later).toBe(2);
  });

  it("leaves no listener on a signal after find, and after a watch that ended", async () => {
    const registry = new LiveRegistry<number>();
    const listeners = new Set<unknown>();
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...[type, listener, options]: Parameters<typeof add>): void => {
      if (type === "abort") listeners.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (...[type, listener, options]: Parameters<typeof remove>): void => {
      if (type === "abort") listeners.delete(listener);
      remove(type, listener, options);
    };
    const found = registry.find("k", { signal });
    expect(listeners.size).toBe(1);
    registry.set("a", "k", 1);
    expect(await found).toBe(1);
    expect(await registry.find("k", { signal })).toBe(1);
    expect(listeners.size).toBe(0);
    await registry.watch({ signal }).return?.();
    expect(listeners.size).toBe(0);
    const watch = registry.watch({ signal });
    await watch.next();
    expect(listeners.size).toBe(1);
    const last = next(watch);
    registry.close(new Error("closed"));
    expect(await last).toBe("done");
    expect(listeners.size).toBe(0);
  });
});
