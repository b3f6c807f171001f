import { Session, type Stream } from "@astranet/mux";
import { AstraError, type Clock, type Connection, systemClock } from "@astranet/transport";
import { expect, test } from "vitest";
import { Child } from "./processes/child.ts";
import { dial } from "./processes/tcp.ts";

const STREAMS = 10_000;
const IDLE_MS = 1_000;

test("a peer that is killed resets every one of 10,000 streams exactly once, and nothing hangs", { timeout: 60_000 }, async () => {
  const child = new Child("holder", [String(STREAMS)]);
  const session = new Session(await dial(Number(await child.line())), { role: "client" });
  const outcomes = new Map<string, number>();
  const count = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
  const note = (what: string, promise: Promise<unknown>): Promise<void> =>
    promise.then(
      () => {
        count(`${what} resolved`);
      },
      (error: unknown) => {
        count(`${what} ${AstraError.is(error) && !error.retryable ? error.code : String(error)}`);
      },
    );
  const pending: Promise<void>[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const stream = session.open();
    await stream.write(Uint8Array.of(i & 0xff));
    pending.push(note("closed", stream.closed));
    if (i % 2 === 0) pending.push(note("read", stream.read()));
    else stream.attach({ data: () => undefined, end: () => { count("sink end"); }, reset: (error) => { count(`sink ${error.code}`); } });
    if (i % 100 === 0) pending.push(...fill(stream).map((write) => note("write", write)));
  }
  expect(await child.line()).toBe("held");
  // The writes that found no window are still waiting.
  pending.push(note("accept", session.accept()), note("session", session.closed));
  child.process.kill("SIGKILL");
  await Promise.all(pending);
  expect(Object.fromEntries(outcomes)).toEqual({
    "closed ECONNRESET": STREAMS,
    "read ECONNRESET": STREAMS / 2,
    "sink ECONNRESET": STREAMS / 2,
    "write ECONNRESET": STREAMS / 50,
    "accept ECONNRESET": 1,
    "session ECONNRESET": 1,
  });
  expect(session.streamCount).toBe(0);
});

/** More than the window takes, so that both wait. */
function fill(stream: Stream): Promise<void>[] {
  return [stream.write(new Uint8Array(300_000)), stream.write(new Uint8Array(1))];
}

test("a peer that is stopped is declared dead between 1.0 and 1.1 idle timeouts after its last byte", { timeout: 60_000 }, async () => {
  const child = new Child("holder", ["1"]);
  let lastByteAt = 0;
  let lateMs = 0;
  const connection = noting(await dial(Number(await child.line())), () => {
    lastByteAt = performance.now();
  });
  // How late this process itself is (other tests run beside it) is not the session's doing.
  const clock: Clock = {
    ...systemClock,
    setTimer(delayMs, callback, options) {
      const dueAt = performance.now() + delayMs;
      return systemClock.setTimer(delayMs, () => {
        lateMs = Math.max(0, performance.now() - dueAt);
        callback();
      }, options);
    },
  };
  const session = new Session(connection, { role: "client", clock, keepAlive: { idleTimeoutMs: IDLE_MS } });
  const stream = session.open({ type: 1 });
  await stream.write(Uint8Array.of(7));
  expect(await stream.read()).toEqual(Uint8Array.of(7));
  await session.ping();
  child.process.kill("SIGSTOP");
  const read = stream.read();
  const error = await session.closed.catch((reason: unknown) => reason);
  const silentMs = performance.now() - lastByteAt;
  expect(AstraError.is(error, "ETIMEDOUT")).toBe(true);
  expect(silentMs).toBeGreaterThanOrEqual(IDLE_MS);
  expect(silentMs - lateMs).toBeLessThanOrEqual(1.1 * IDLE_MS);
  await expect(read).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("a process that was stopped for longer than the idle timeout does not take its peer for dead", { timeout: 60_000 }, async () => {
  const child = new Child("holder", ["1", String(IDLE_MS)]);
  // This side has more patience than it says: only what the other one does is looked at.
  const patient: Clock = { ...systemClock, setTimer: () => ({ cancel: () => undefined }) };
  const session = new Session(await dial(Number(await child.line())), { role: "client", clock: patient });
  const stream = session.open({ type: 1 });
  await stream.write(Uint8Array.of(1));
  expect(await stream.read()).toEqual(Uint8Array.of(1));
  for (const stoppedMs of [1.3 * IDLE_MS, 2.5 * IDLE_MS]) {
    child.process.kill("SIGSTOP");
    // What is tested is a length of time.
    await new Promise<void>((resolve) => {
      systemClock.setTimer(stoppedMs, resolve, { keepAlive: true });
    });
    child.process.kill("SIGCONT");
    for (let i = 0; i < 3; i++) await session.ping();
    await stream.write(Uint8Array.of(2));
    expect(await stream.read()).toEqual(Uint8Array.of(2));
  }
  stream.reset();
  await session.close();
  expect(await child.line()).toBe("held");
  expect(await child.line()).toBe("closed");
});

test("a process whose sessions are closed exits by itself", { timeout: 60_000 }, async () => {
  const child = new Child("leaver");
  expect(await child.line()).toBe("left");
  expect(await child.exited).toBe(0);
});

function noting(connection: Connection, ondata: () => void): Connection {
  const { start } = connection;
  connection.start = (sink) => {
    start.call(connection, {
      ...sink,
      data: (chunk) => {
        ondata();
        sink.data(chunk);
      },
    });
  };
  return connection;
}
