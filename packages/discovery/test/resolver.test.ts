import { describe, expect, it } from "vitest";
import { AstraError } from "@astranet/transport";
import { ResolveError, Resolver, type ServiceInfo } from "@astranet/discovery";
import { HandClock, idOf, makeView, seededRandom } from "./support/world.ts";

interface Opened {
  readonly id: string;
  readonly closed: Promise<void>;
  close(): void;
}

function opened({ id }: ServiceInfo): Opened {
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve) => (close = resolve));
  return { id, closed, close: () => close() };
}

const refused = new AstraError("ECONNREFUSED", "nobody is bound there", { retryable: true });

/** A node that sees `count` providers of "web", each at its own cost. */
function seeing(count: number): { resolver: Resolver; clock: HandClock; view: ReturnType<typeof makeView> } {
  const view = makeView(0);
  const clock = new HandClock();
  for (let n = 1; n <= count; n += 1) {
    view.reachability.set(idOf(n), n * 100);
    const there = makeView(n);
    there.directory.publish({ name: "web", port: 80 });
    for (const record of there.store.records()) view.store.merge(record);
  }
  return { view, clock, resolver: new Resolver({ directory: view.directory, clock, random: seededRandom(1) }) };
}

describe("resolve", () => {
  it("connects to the nearest provider", async () => {
    const { resolver } = seeing(3);
    expect((await resolver.resolve({ name: "web" }, async (provider) => opened(provider))).id).toBe(idOf(1));
  });

  it("waits for a first provider", async () => {
    const { resolver, view, clock } = seeing(0);
    const conn = resolver.resolve({ name: "late" }, async (provider, { timeoutMs }) => {
      expect(timeoutMs).toBe(7000);
      return opened(provider);
    });
    clock.advance(3000);
    view.directory.publish({ name: "late", port: 9 });
    expect((await conn).id).toBe(idOf(0));
    expect(clock.pending).toBe(0);
  });

  it("says ENOTFOUND at the deadline when there was no provider", async () => {
    const { resolver, clock } = seeing(0);
    const conn = resolver.resolve({ name: "web", env: "prod", timeoutMs: 500 }, async (provider) => opened(provider));
    clock.advance(500);
    await expect(conn).rejects.toMatchObject({ code: "ENOTFOUND", attempts: [], message: 'ENOTFOUND: no provider of service "web" in env "prod" within 500 ms' });
  });

  it("tries another provider when one refused, and reports every attempt when none took it", async () => {
    const { resolver } = seeing(3);
    const tried: string[] = [];
    const second = await resolver.resolve({ name: "web" }, async (provider) => {
      tried.push(provider.id);
      if (tried.length === 1) throw refused;
      return opened(provider);
    });
    expect(tried).toHaveLength(2);
    expect(second.id).toBe(tried[1]);
    expect(new Set(tried).size).toBe(2);
    const failure = await resolver.resolve({ name: "web" }, () => Promise.reject(refused)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ResolveError);
    expect(failure).toMatchObject({ code: "ECONNREFUSED", retryable: true, cause: refused });
    expect((failure as ResolveError).attempts.map(({ id }) => id).sort()).toEqual([1, 2, 3].map(idOf));
    for (const n of [1, 2, 3]) expect((failure as Error).message).toContain(`${idOf(n)}:80: ECONNREFUSED: nobody is bound there`);
  });

  it("tries at most two others, unless told otherwise", async () => {
    const { resolver } = seeing(9);
    for (const [retries, expected] of [[undefined, 3], [0, 1], [8, 9]] as const) {
      let tries = 0;
      const failed = resolver.resolve({ name: "web", ...(retries === undefined ? {} : { retries }) }, () => {
        tries += 1;
        return Promise.reject(refused);
      });
      await expect(failed).rejects.toMatchObject({ code: "ECONNREFUSED" });
      expect(tries).toBe(expected);
    }
  });

  it("does not try another provider after a failure that may have had an effect", async () => {
    const { resolver } = seeing(3);
    const reset = new AstraError("ECONNRESET", "the peer went away");
    await expect(resolver.resolve({ name: "web" }, () => Promise.reject(reset))).rejects.toMatchObject({ code: "ECONNRESET", retryable: false, attempts: [{ error: reset }] });
  });

  it("tells the attempt under way that the time is over, and says ETIMEDOUT", async () => {
    const { resolver, clock } = seeing(1);
    const conn = resolver.resolve({ name: "web", timeoutMs: 100 }, (_provider, { signal }) => new Promise<Opened>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    }));
    clock.advance(100);
    await expect(conn).rejects.toMatchObject({ code: "ETIMEDOUT", attempts: [{ id: idOf(1) }] });
  });

  it("rejects with the signal's own reason, before, while waiting, and while connecting", async () => {
    const reason = new Error("enough");
    const { resolver, clock } = seeing(1);
    await expect(resolver.resolve({ name: "web", signal: AbortSignal.abort(reason) }, async (provider) => opened(provider))).rejects.toBe(reason);
    for (const name of ["none", "web"]) {
      const controller = new AbortController();
      const conn = resolver.resolve({ name, signal: controller.signal }, (_provider, { signal }) => new Promise<Opened>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }));
      controller.abort(reason);
      await expect(conn).rejects.toBe(reason);
    }
    expect(clock.pending).toBe(0);
  });

  it("leaves a provider that failed alone for a while, but never more than half of them", async () => {
    const { resolver, clock } = seeing(2);
    const choose = async (): Promise<string> => (await resolver.resolve({ name: "web" }, async (provider) => opened(provider))).id;
    await resolver.resolve({ name: "web", retries: 0 }, () => Promise.reject(refused)).catch(() => undefined);
    expect(await choose()).toBe(idOf(2));
    clock.advance(1001);
    expect(await choose()).toBe(idOf(1));
    for (let i = 0; i < 2; i += 1) await resolver.resolve({ name: "web" }, () => Promise.reject(refused)).catch(() => undefined);
    expect([idOf(1), idOf(2)]).toContain(await choose());
  });

  it("counts open streams until they close", async () => {
    const { resolver, view } = seeing(0);
    view.directory.publish({ name: "two", port: 1 });
    view.directory.publish({ name: "two", port: 2 });
    const ports: number[] = [];
    const open = (): Promise<Opened> =>
      resolver.resolve({ name: "two", select: "least-streams" }, async (provider) => {
        ports.push(provider.port);
        return opened(provider);
      });
    const first = await open();
    for (let i = 0; i < 3; i += 1) {
      const other = await open();
      other.close();
      await other.closed;
    }
    expect(new Set(ports.slice(1)).size).toBe(1);
    expect(ports[1]).not.toBe(ports[0]);
    first.close();
  });

  it("sends one key to one provider, and lets a function choose", async () => {
    const { resolver } = seeing(5);
    const by = async (query: object): Promise<string> => (await resolver.resolve({ name: "web", ...query }, async (provider) => opened(provider))).id;
    const first = await by({ affinity: "user-7" });
    for (let i = 0; i < 10; i += 1) expect(await by({ affinity: "user-7" })).toBe(first);
    expect(await by({ select: (all: readonly ServiceInfo[]) => all[3] })).toBe(idOf(4));
    await expect(by({ select: () => ({}) })).rejects.toMatchObject({ code: "EINVAL" });
    for (const select of ["closest", null, {}]) await expect(by({ select })).rejects.toThrow(/EINVAL: select is a function or one of nearest, /);
    const turns = [await by({ select: "round-robin" }), await by({ select: "round-robin" }), await by({ select: "round-robin" })];
    expect(new Set(turns).size).toBe(3);
    expect([1, 2, 3, 4, 5].map(idOf)).toContain(await by({ select: "weighted" }));
    expect([1, 2, 3, 4, 5].map(idOf)).toContain(await by({ select: "random" }));
  });

  it("sticky: keeps a key with the provider that it had, whoever comes, and chooses anew when that one is gone or failed", async () => {
    const { resolver, view, clock } = seeing(4);
    const by = async (affinity: string, select = "sticky"): Promise<string> =>
      (await resolver.resolve({ name: "web", select: select as "sticky", affinity }, async (provider) => opened(provider))).id;
    const keys = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const first = await Promise.all(keys.map((key) => by(key)));
    expect(new Set(first).size).toBe(4);
    for (let n = 5; n <= 20; n += 1) {
      view.reachability.set(idOf(n), 1);
      const there = makeView(n);
      there.directory.publish({ name: "web", port: 80 });
      for (const record of there.store.records()) view.store.merge(record);
    }
    expect(resolver.explain({ name: "web", select: "sticky", affinity: keys[0]! })).toMatchObject({ policy: "sticky", chosen: { id: first[0]! } });
    expect(await Promise.all(keys.map((key) => by(key)))).toEqual(first);
    expect(await Promise.all(keys.map((key) => by(key, "nearest")))).not.toEqual(first);
    view.reachability.set(first[0]!, undefined);
    const second = await by(keys[0]!);
    expect(second).not.toBe(first[0]);
    view.reachability.set(first[0]!, 1);
    expect(await by(keys[0]!)).toBe(second);
    // What failed is left out for a second, and the key has moved for good.
    let refusals = 1;
    const third = await resolver.resolve({ name: "web", select: "sticky", affinity: keys[0]! }, async (provider) => {
      if (refusals-- > 0) throw refused;
      return opened(provider);
    });
    expect(third.id).not.toBe(second);
    clock.advance(10_000);
    expect(await by(keys[0]!)).toBe(third.id);
  });

  it("sticky: needs the key that stays, and a rehearsal leaves no trace", async () => {
    const { resolver } = seeing(4);
    await expect(resolver.resolve({ name: "web", select: "sticky" }, async (provider) => opened(provider))).rejects.toThrow(/EINVAL: select 'sticky' needs an affinity/);
    const told = resolver.explain({ name: "web", select: "sticky", affinity: "a" })!.chosen.id;
    let chosen = "";
    await resolver.resolve({ name: "web", select: "sticky", affinity: "a" }, async (provider) => {
      chosen = provider.id;
      return opened(provider);
    });
    expect(chosen).toBe(told);
  });

  it("dials a provider on one port where a port is asked for", async () => {
    const { resolver, view, clock } = seeing(1);
    const conn = resolver.resolve({ name: "web", port: 81 }, async (provider) => opened(provider));
    view.directory.publish({ name: "web", port: 81 });
    expect((await conn).id).toBe(idOf(0));
    const none = resolver.resolve({ name: "web", port: 82 }, async (provider) => opened(provider));
    clock.advance(10_000);
    await expect(none).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});
