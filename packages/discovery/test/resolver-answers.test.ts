import { describe, expect, it } from "vitest";
import { AstraError, type RandomSource } from "@astranet/transport";
import { Resolver, type ResolveQuery, type ServiceInfo } from "@astranet/discovery";
import { HandClock, flood, idOf, makeView, seededRandom, type View } from "./support/world.ts";

const refused = new AstraError("ECONNREFUSED", "nobody is bound there", { retryable: true });
const unreachable = new AstraError("EHOSTUNREACH", "no way there");

const opened = ({ id, port }: ServiceInfo): { where: string; closed: Promise<void> } => ({ where: `${id.slice(-1)}:${port}`, closed: new Promise(() => undefined) });

/** A node that sees providers of "web": these ports of these nodes, each node farther away than the one before. */
function seeing(providers: readonly (readonly [n: number, port: number])[], random: RandomSource = seededRandom(1)): View & { clock: HandClock; resolver: Resolver } {
  const view = makeView(0);
  for (const [n, port] of providers) {
    view.reachability.set(idOf(n), n * 100);
    const there = makeView(n, BigInt(port));
    for (const [m, p] of providers) if (m === n) there.directory.publish({ name: "web", port: p });
    flood(there.store, view.store);
  }
  return { ...view, resolver: new Resolver({ directory: view.directory, clock: view.clock, random }) };
}

/** Connects to all but those that answer with an error. */
function connecting(resolver: Resolver, errors: Readonly<Record<string, unknown>>): (query?: Partial<ResolveQuery>) => Promise<string> {
  return async (query = {}) => {
    const made = await resolver.resolve({ name: "web", ...query }, async (provider) => {
      const made = opened(provider);
      if (made.where in errors) throw errors[made.where];
      return made;
    });
    return made.where;
  };
}

describe("resolve", () => {
  it("tries another port of a node whose first one refused", async () => {
    const { resolver } = seeing([[1, 80], [1, 81]]);
    // In turn, so that it is the one that refuses which is tried first.
    expect(await connecting(resolver, { "1:80": refused })({ select: "round-robin" })).toBe("1:81");
  });

  it("tries another where there is no way to the first, and may only be tried again if every attempt says so", async () => {
    const { resolver } = seeing([[1, 80], [2, 80]]);
    expect(await connecting(resolver, { "1:80": unreachable })()).toBe("2:80");
    const all = { "1:80": refused, "2:80": refused };
    await expect(connecting(resolver, all)()).rejects.toMatchObject({ code: "ECONNREFUSED", retryable: true });
    await expect(connecting(resolver, { ...all, "1:80": unreachable })()).rejects.toMatchObject({ retryable: false });
    await expect(connecting(resolver, { ...all, "2:80": unreachable })()).rejects.toMatchObject({ retryable: false });
  });

  it("says EHOSTUNREACH after a failure that has no code, and tries nobody else", async () => {
    const { resolver } = seeing([[1, 80], [2, 80]]);
    const error = new Error("broken");
    await expect(connecting(resolver, { "1:80": error, "2:80": error })()).rejects.toMatchObject({ code: "EHOSTUNREACH", attempts: [{ error }], cause: error });
    await expect(connecting(resolver, { "1:80": "why", "2:80": "why" })()).rejects.toThrow(/tried a[0-9a-f]{15}:80: why$/);
  });

  it.each([
    [{}, 'service "web"'],
    [{ port: 80 }, 'service "web:80"'],
    [{ env: "prod" }, 'service "web" in env "prod"'],
    [{ env: "prod", port: 80 }, 'service "web:80" in env "prod"'],
  ])("names what it looked for: %j", async (query, name) => {
    const { resolver, directory, clock } = seeing([]);
    const none = connecting(resolver, {})({ ...query, timeoutMs: 100 });
    clock.advance(100);
    await expect(none).rejects.toMatchObject({ code: "ENOTFOUND", retryable: false, message: `ENOTFOUND: no provider of ${name} within 100 ms` });
    directory.publish({ name: "web", port: 80, ...query });
    const tried = connecting(resolver, { "0:80": refused })(query);
    await expect(tried).rejects.toThrow(`ECONNREFUSED: no provider of ${name} could be reached; tried ${idOf(0)}:80: `);
  });

  it("tells of all attempts, one after the other", async () => {
    const { resolver } = seeing([[1, 80], [2, 80]]);
    await expect(connecting(resolver, { "1:80": refused, "2:80": unreachable })()).rejects.toThrow(
      `tried ${idOf(1)}:80: ECONNREFUSED: nobody is bound there; ${idOf(2)}:80: EHOSTUNREACH: no way there`,
    );
  });

  it("tells the attempt under way by when it should have been over", async () => {
    const { resolver, clock } = seeing([[1, 80]]);
    const reasons: unknown[] = [];
    const conn = resolver.resolve({ name: "web", timeoutMs: 100 }, (_provider, { signal }) => new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason);
        reject(signal.reason);
      });
    }));
    clock.advance(100);
    await expect(conn).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(reasons).toMatchObject([{ code: "ETIMEDOUT", message: 'ETIMEDOUT: service "web" was not reached within 100 ms' }]);
  });

  it("keeps the process alive while it waits", async () => {
    class NotingClock extends HandClock {
      readonly kept: unknown[] = [];
      override setTimer(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): { cancel(): void } {
        this.kept.push(options?.keepAlive);
        return super.setTimer(delayMs, callback);
      }
    }
    const clock = new NotingClock();
    const { directory } = seeing([[1, 80]]);
    await new Resolver({ directory, clock }).resolve({ name: "web" }, async (provider) => opened(provider));
    expect(clock.kept).toEqual([true]);
  });

  it("leaves no listener on a signal, whether it found somebody or not", async () => {
    const { resolver, clock } = seeing([[1, 80]]);
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...[type, listener, options]: Parameters<typeof add>): void => {
      if (type === "abort") listeners.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (...[type, listener, options]: Parameters<typeof remove>): void => {
      if (type === "abort") listeners.delete(listener);
      remove(type, listener, options);
    };
    await connecting(resolver, {})({ signal });
    const none = connecting(resolver, {})({ signal, name: "none", timeoutMs: 5 });
    expect(listeners.size).toBe(1);
    clock.advance(5);
    await expect(none).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(listeners.size).toBe(0);
  });

  it("takes chance from where it is told to, and from the system otherwise", async () => {
    const ports = [[1, 80], [2, 80], [3, 80]] as const;
    for (const [byte, expected] of [[0x00, "1:80"], [0x80, "2:80"], [0xff, "3:80"]] as const) {
      const { resolver } = seeing(ports, (length) => new Uint8Array(length).fill(byte));
      for (let i = 0; i < 5; i += 1) expect(await connecting(resolver, {})({ select: "random" })).toBe(expected);
    }
    const { directory } = seeing(ports);
    expect(await connecting(new Resolver({ directory }), {})({ select: "random" })).toMatch(/^[123]:80$/);
  });
});

describe("explain", () => {
  it("says by what a provider would be chosen, and out of which, nearest first", () => {
    const { resolver } = seeing([[2, 80], [1, 80]]);
    const policy = (query: object): string => resolver.explain({ name: "web", ...query })!.policy;
    expect([{}, { select: "random" }, { affinity: "a" }, { affinity: "a", select: "random" }, { affinity: "a", select: "sticky" }, { select: ([first]: ServiceInfo[]) => first }].map(policy)).toEqual([
      "nearest", "random", "affinity", "affinity", "sticky", "custom",
    ]);
    expect(resolver.explain({ name: "web" })).toMatchObject({
      chosen: { id: idOf(1) },
      candidates: [1, 2].map((n) => ({ service: { id: idOf(n) }, streams: 0, ejectedForMs: 0 })),
    });
    expect(resolver.explain({ name: "web", env: "prod" })).toBeUndefined();
    expect(resolver.explain({ name: "web", port: 81 })).toBeUndefined();
    expect(() => resolver.explain({ name: "none", select: "closest" as "nearest" })).toThrow(/EINVAL/);
  });

  it("tells of open streams and of who failed, and takes nobody's turn", async () => {
    const { resolver, clock } = seeing([[1, 80], [2, 80], [3, 80]]);
    expect(await connecting(resolver, { "1:80": refused })()).toBe("2:80");
    clock.advance(400);
    expect(resolver.explain({ name: "web" })!.candidates.map(({ streams, ejectedForMs }) => [streams, ejectedForMs])).toEqual([
      [0, 600],
      [1, 0],
      [0, 0],
    ]);
    const next = (): string => resolver.explain({ name: "web", select: "round-robin" })!.chosen.id;
    expect(next()).toBe(next());
    expect(`${next().slice(-1)}:80`).toBe(await connecting(resolver, {})({ select: "round-robin" }));
    expect(next()).toBe(idOf(3));
  });
});
