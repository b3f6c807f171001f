import { AstraNet, type DialOptions, type Listener, MemoryTransport, type ServiceInfo } from "astranet";
import { describe, expect, it } from "vitest";
import { CableTransport, type PulledCable } from "../../router/test/support/pulled-cable.ts";
import { VirtualClock } from "../../router/test/support/virtual-clock.ts";

interface World {
  readonly clock: VirtualClock;
  readonly client: AstraNet;
  readonly providers: readonly AstraNet[];
  /** The client's links, in the order of the providers. */
  readonly cables: readonly PulledCable[];
  readonly listeners: readonly Listener[];
  /** The providers are asked in their order. */
  readonly inOrder: DialOptions;
}

/** A client in virtual time, with a link to each of the providers of "web". Nobody accepts yet. */
async function world(count: number): Promise<World> {
  const clock = new VirtualClock();
  const memory = new MemoryTransport({ clock });
  const cabled = new CableTransport(memory, clock);
  const client = new AstraNet({ clock, transports: [cabled] });
  const providers = Array.from({ length: count }, () => new AstraNet({ clock, transports: [memory] }));
  const listeners: Listener[] = [];
  for (const [i, provider] of providers.entries()) {
    const listening = provider.listenAndServe("memory", `provider ${i}`);
    await clock.settle();
    await listening;
    const joining = client.join("memory", `provider ${i}`);
    await clock.advance(10);
    await joining;
    listeners.push(provider.bind("web"));
  }
  await clock.advance(5000);
  expect(client.services()).toHaveLength(count);
  const select = (candidates: readonly ServiceInfo[]): ServiceInfo => providers.map(({ id }) => candidates.find((each) => each.id === id)).find((each) => each !== undefined)!;
  return { clock, client, providers, cables: cabled.cables, listeners, inOrder: { select } };
}

const settled = async <T>(clock: VirtualClock, promise: Promise<T>, ms: number): Promise<T> => {
  promise.catch(() => undefined);
  await clock.advance(ms);
  // What has not ended by then fails the test.
  return Promise.race([promise, clock.settle().then((): never => { throw new Error("it still waits"); })]);
};

describe("a dial by name", () => {
  it("leaves a provider that does not accept after half of its time, and asks the next one", async () => {
    const { clock, client, providers, listeners, inOrder } = await world(2);
    const dialled = client.dial("web", { ...inOrder, timeoutMs: 8000 });
    dialled.catch(() => undefined);
    const accepting = listeners[1]!.accept();
    await clock.advance(3990);
    let accepted = false;
    void accepting.then(() => (accepted = true));
    await clock.settle();
    expect(accepted).toBe(false);
    expect((await settled(clock, dialled, 20)).remoteAddress.id).toBe(providers[1]!.id);
    // The first one sees nothing of it any more.
    const late = listeners[0]!.accept();
    late.catch(() => undefined);
    await clock.advance(10);
    expect(await Promise.race([late, clock.settle().then(() => "nobody")])).toBe("nobody");
  });

  it("gives the last one that it asks all of the time that is left, and says who did not accept", async () => {
    const { clock, client, providers, inOrder } = await world(4);
    const startedAt = clock.now();
    let error: unknown;
    let after = 0;
    client.dial("web", { ...inOrder, timeoutMs: 8000 }).catch((reason: unknown) => {
      error = reason;
      after = clock.now() - startedAt;
    });
    await clock.advance(8010);
    expect(error).toMatchObject({ code: "ETIMEDOUT", retryable: false, attempts: providers.slice(0, 3).map(({ id }) => ({ id })) });
    expect(after).toBe(8000);
  });

  it("waits for the only provider for as long as it may", async () => {
    const { clock, client, providers, listeners } = await world(1);
    const dialled = client.dial("web", { timeoutMs: 8000 });
    dialled.catch(() => undefined);
    await clock.advance(7900);
    void listeners[0]!.accept();
    expect((await settled(clock, dialled, 10)).remoteAddress.id).toBe(providers[0]!.id);
  });

  it("goes on to the next provider when the way to the first one breaks before it has accepted", async () => {
    const { clock, client, providers, cables, listeners, inOrder } = await world(2);
    void listeners[1]!.accept();
    const dialled = client.dial("web", inOrder);
    await clock.advance(10);
    cables[0]!.pull();
    expect((await settled(clock, dialled, 10)).remoteAddress.id).toBe(providers[1]!.id);
  });

  it("goes on to the next provider when the first one turns out to have been silent for long", async () => {
    const { clock, client, providers, cables, listeners, inOrder } = await world(2);
    void listeners[1]!.accept();
    cables[0]!.silence();
    await clock.advance(14_000);
    const dialled = client.dial("web", inOrder);
    expect((await settled(clock, dialled, 3000)).remoteAddress.id).toBe(providers[1]!.id);
  });

  it("fails with ECONNRESET, that may be tried again, where the way to the only provider breaks", async () => {
    const { clock, client, cables } = await world(1);
    const dialled = client.dial("web");
    dialled.catch(() => undefined);
    await clock.advance(10);
    cables[0]!.pull();
    await expect(settled(clock, dialled, 10)).rejects.toMatchObject({ code: "ECONNRESET", retryable: true });
  });
});
