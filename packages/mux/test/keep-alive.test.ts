import { Session } from "@astranet/mux";
import { AstraError, type Clock, type Connection, type ConnectionSink, memoryPair } from "@astranet/transport";
import { describe, expect, test } from "vitest";
import { ManualClock } from "./support/manual-clock.ts";

/** A process whose time goes on while it is stopped: afterwards timers come first, then what lies in the kernel, then what was deferred. */
class Sleeper implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];
  #deferred: (() => void)[] = [];
  sink: ConnectionSink | undefined;

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): { cancel: () => void } {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Sleeps for so long; `kernel` is what came meanwhile, `first` what was read before any timer was looked at. */
  sleep(ms: number, kernel?: Uint8Array, first?: Uint8Array): void {
    this.#now += ms;
    if (first !== undefined) this.sink?.data(first);
    const due = this.#timers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      if (!this.#timers.includes(timer)) continue;
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.callback();
    }
    if (kernel !== undefined) this.sink?.data(kernel);
    for (let callback = this.#deferred.shift(); callback !== undefined; callback = this.#deferred.shift()) callback();
  }

  connection(): Connection {
    return {
      localAddress: "",
      remoteAddress: "",
      start: (sink) => {
        this.sink = sink;
      },
      send: () => true,
      close: () => undefined,
      abort: () => undefined,
    };
  }
}

/** A PONG that nobody asked for: any byte is life. */
const SETTINGS = Uint8Array.of(0, 0, 5, 0x40, 0, 0, 0, 0, 0x41, 0x53, 0x54, 0x52, 1);
const SIGN = Uint8Array.of(0, 0, 8, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

describe("a session that slept", () => {
  function asleep(idleTimeoutMs: number): { clock: Sleeper; verdict: () => string | undefined } {
    const clock = new Sleeper();
    const session = new Session(clock.connection(), { role: "client", clock, keepAlive: { idleTimeoutMs } });
    clock.sleep(0, SETTINGS);
    return { clock, verdict: () => (session.stats().streams >= 0 && isOver(session) ? "dead" : undefined) };
  }

  function isOver(session: Session): boolean {
    try {
      session.open();
      return false;
    } catch (error) {
      return AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED");
    }
  }

  test.each([900, 1_040, 1_200, 1_450, 2_000, 100_000])("reads what came meanwhile before it takes its peer for dead: %d ms", (ms) => {
    const { clock, verdict } = asleep(1_000);
    clock.sleep(340);
    clock.sleep(ms, SIGN);
    expect(verdict()).toBeUndefined();
    // And it still watches.
    for (let i = 0; i < 25; i++) clock.sleep(50);
    expect(verdict()).toBe("dead");
  });

  test("gives its peer no more than the idle timeout from when it last heard of it, however long it slept", () => {
    const { clock, verdict } = asleep(1_000);
    clock.sleep(100_000, undefined, SIGN);
    for (let i = 0; i < 19; i++) clock.sleep(50);
    expect(verdict()).toBeUndefined();
    for (let i = 0; i < 2; i++) clock.sleep(50);
    expect(verdict()).toBe("dead");
  });

  test.each([300, 1_000, 15_000])("asks before it takes its peer for dead, of which nothing was to be expected meanwhile: idle timeout %d ms", (idleTimeoutMs) => {
    for (const share of [1.05, 1.2, 1.4, 2, 10]) {
      const { clock, verdict } = asleep(idleTimeoutMs);
      clock.sleep(share * idleTimeoutMs);
      expect(verdict()).toBeUndefined();
    }
  });

  test("that was late by a tenth of its idle timeout did not sleep: the peer gets back only what is more", () => {
    const [awake, slept] = [asleep(900), asleep(900)];
    // Each timer is due at 300.
    awake.clock.sleep(390);
    slept.clock.sleep(391);
    awake.clock.sleep(510);
    slept.clock.sleep(509);
    expect([awake.verdict(), slept.verdict()]).toEqual(["dead", undefined]);
    slept.clock.sleep(91);
    expect(slept.verdict()).toBe("dead");
  });
});

test("a silent peer is dead exactly one idle timeout after its last byte, whatever we say meanwhile", async () => {
  const clock = new ManualClock();
  const [ours, theirs] = memoryPair({ clock });
  theirs.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
  theirs.send([SETTINGS]);
  const session = new Session(ours, { role: "client", clock, keepAlive: { idleTimeoutMs: 900 } });
  await clock.settle();
  const stream = session.open();
  let over: unknown;
  session.closed.catch((error: unknown) => {
    over = error;
  });
  for (let i = 0; i < 8; i++) {
    await stream.write(Uint8Array.of(1));
    await clock.advance(100);
  }
  await clock.advance(99);
  expect(over).toBeUndefined();
  await clock.advance(1);
  expect(AstraError.is(over, "ETIMEDOUT")).toBe(true);
  await expect(stream.read()).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("pings one after another are as many as a peer allows, and none is lost", async () => {
  const clock = new ManualClock();
  const [a, b] = memoryPair({ clock });
  const client = new Session(a, { role: "client", clock });
  const server = new Session(b, { role: "server", clock });
  let answered = 0;
  const pinging = (async () => {
    for (let i = 0; i < 40; i++) {
      await client.ping();
      answered++;
    }
  })();
  await clock.advance(6_000);
  expect(answered).toBe(40);
  await pinging;
  expect(server.streamCount).toBe(0);
  void client.close();
  await clock.settle();
  await server.closed;
});

test("the round trip is measured again and again where something always comes, too", async () => {
  const clock = new ManualClock();
  const [ours, theirs] = memoryPair({ clock });
  let delayMs = 20;
  const far: Connection = {
    localAddress: "",
    remoteAddress: "",
    start: (sink) => {
      ours.start(sink);
    },
    send: (chunks) => {
      clock.setTimer(delayMs, () => void ours.send(chunks));
      return true;
    },
    close: () => {
      ours.close();
    },
    abort: (reason) => {
      ours.abort(reason);
    },
  };
  const client = new Session(far, { role: "client", clock, keepAlive: { idleTimeoutMs: 900 } });
  const server = new Session(theirs, { role: "server", clock, onstream: () => undefined });
  const stream = server.open();
  const chatter = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 50) {
      await stream.write(Uint8Array.of(1));
      await clock.advance(50);
    }
  };
  await chatter(650);
  expect(client.rttMs).toBe(20);
  delayMs = 70;
  await chatter(750);
  expect(client.rttMs).toBe(70);
  client.abort();
  await clock.settle();
});
