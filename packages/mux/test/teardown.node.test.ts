import { getEventListeners } from "node:events";
import { Session, SessionListener, type Stream } from "@astranet/mux";
import { MemoryTransport } from "@astranet/transport";
import { describe, expect, test } from "vitest";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

/** Keep-alive: one timer a session. Nothing else waits for time. */
const IDLE_TIMERS = 2;

interface Situation {
  readonly pair: SessionPair;
  readonly local: Stream;
  readonly remote: Stream;
}

interface Call {
  readonly name: string;
  /** Brings about that the call has to wait. */
  readonly prepare?: (situation: Situation) => void;
  readonly begin: (situation: Situation, signal: AbortSignal) => Promise<unknown>;
  readonly complete: (situation: Situation) => unknown;
  /** Resetting the stream does not end it. */
  readonly ofSession?: boolean;
}

const full = ({ local }: Situation): void => {
  void local.write(new Uint8Array(300_000));
  void local.write(new Uint8Array(300_000));
};
const drain = async ({ pair, remote }: Situation): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    while (remote.tryRead() !== undefined);
    await pair.settle();
  }
};

const calls: Call[] = [
  { name: "read", begin: ({ local }, signal) => local.read({ signal }), complete: ({ remote }) => remote.write(Uint8Array.of(1)) },
  { name: "read at the end", begin: ({ local }, signal) => local.read({ signal }), complete: ({ remote }) => remote.end() },
  { name: "write", prepare: full, begin: ({ local }, signal) => local.write(new Uint8Array(10), { signal }), complete: drain },
  { name: "write of several chunks", prepare: full, begin: ({ local }, signal) => local.write([new Uint8Array(10), new Uint8Array(0), new Uint8Array(90_000)], { signal }), complete: drain },
  { name: "ready", prepare: full, begin: ({ local }, signal) => local.ready({ signal }), complete: drain },
  { name: "accept", begin: ({ pair }, signal) => pair.client.accept({ signal }), complete: ({ pair }) => pair.server.open(), ofSession: true },
  { name: "ping", begin: ({ pair }, signal) => pair.client.ping({ signal }), complete: ({ pair }) => pair.settle(), ofSession: true },
];

const reason = new Error("no longer wanted");

const ends: { readonly name: string; readonly ends: (situation: Situation, controller: AbortController, call: Call) => unknown; readonly stream?: boolean }[] = [
  { name: "has completed", ends: (situation, _, call) => call.complete(situation) },
  { name: "was aborted", ends: (_, controller) => { controller.abort(reason); } },
  { name: "lost its stream to a reset of the peer", ends: ({ remote }) => { remote.reset(); }, stream: true },
  { name: "lost its stream to a reset here", ends: ({ local }) => { local.reset(); }, stream: true },
  { name: "lost its stream to its close", ends: ({ local }) => { void local.close(); }, stream: true },
  { name: "lost its session to an abort here", ends: ({ pair }) => { pair.client.abort(); } },
  { name: "lost its session to an abort of the peer", ends: ({ pair }) => { pair.server.abort(); } },
  { name: "lost its connection", ends: ({ pair }) => { pair.connections[0].abort(); } },
  { name: "saw its session closed", ends: ({ pair }) => { void pair.client.close(); void pair.server.close(); } },
];

describe.each(calls)("$name", (call) => {
  const { prepare, begin, ofSession = false } = call;
  for (const end of ends.filter(({ stream }) => !(ofSession && stream === true)))
    test(`leaves no listener and no timer when it ${end.name}`, async () => {
      const pair = new SessionPair();
      const [local, remote] = await pair.stream();
      const situation = { pair, local, remote };
      prepare?.(situation);
      await pair.settle();
      const controller = new AbortController();
      const promise = begin(situation, controller.signal);
      promise.catch(() => undefined);
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
      await end.ends(situation, controller, call);
      // Whatever waits for the other side's patience, or for the five seconds of a close.
      await pair.advance(5_000);
      await pair.settle();
      expect((await outcome(promise))[0]).not.toBe("pending");
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
      expect(pair.clock.timers).toBeLessThanOrEqual(IDLE_TIMERS);
      pair.client.abort();
      await pair.advance(10_000);
      expect(pair.clock.timers).toBe(0);
    });

  test("leaves nothing on a signal that it finds aborted", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    prepare?.({ pair, local, remote });
    await pair.settle();
    const signal = AbortSignal.abort(reason);
    await expect(begin({ pair, local, remote }, signal)).rejects.toBe(reason);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describe("a timer of a stream", () => {
  const ways: { readonly name: string; readonly over: (local: Stream, remote: Stream) => unknown }[] = [
    { name: "both sides ended it", over: (local, remote) => { void local.end(); void remote.end(); } },
    { name: "it was reset", over: (local) => { local.reset(); } },
    { name: "the peer reset it", over: (_, remote) => { remote.reset(); } },
    { name: "it was closed", over: (local) => void local.close() },
    { name: "the peer closed it", over: (local, remote) => { void remote.close(); void local.end(); } },
    { name: "the peer aborted its half and we ended ours", over: (local, remote) => { void remote.writable.abort().catch(() => undefined); void local.end(); } },
  ];

  test.each(ways)("goes when the stream is over: $name", async ({ over }) => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    for (const stream of [local, remote]) stream.setDeadline(3_600_000);
    expect(pair.clock.timers).toBe(IDLE_TIMERS + 4);
    const read = local.read();
    read.catch(() => undefined);
    await over(local, remote);
    await pair.settle();
    // The side that was not told to may still have to end.
    void remote.end();
    await pair.settle();
    while ((await outcome(read))[0] === "pending") await pair.advance(1_000);
    expect(pair.client.streamCount + pair.server.streamCount).toBe(0);
    expect(pair.clock.timers).toBe(IDLE_TIMERS);
  });

  test("is one a deadline, however often it is moved, and none when it is removed", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    for (let i = 1; i < 100; i++) local.setDeadline(1_000 * i);
    expect(pair.clock.timers).toBe(IDLE_TIMERS + 2);
    local.setDeadline(undefined);
    expect(pair.clock.timers).toBe(IDLE_TIMERS);
  });

  test("is one a close, however often it is called, and none when the peer answers", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    for (let i = 0; i < 5; i++) void local.close();
    expect(pair.clock.timers).toBe(IDLE_TIMERS + 1);
    // It answers the stop with its end.
    await pair.settle();
    expect(pair.clock.timers).toBe(IDLE_TIMERS);
    expect(await codeOf(local.closed)).toBe("resolved");
  });
});

describe("a session", () => {
  test("leaves no timer when it is closed, with streams open that nobody ends", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    for (const stream of [local, remote]) stream.setDeadline(3_600_000);
    void pair.client.ping();
    const closing = pair.client.close();
    await pair.advance(5_000);
    await closing;
    await pair.server.closed;
    await pair.advance(5_000);
    expect(pair.clock.timers).toBe(0);
  });

  test("that dials leaves no listener on the signal, whether it comes about or not", async () => {
    const transport = new MemoryTransport();
    const { signal } = new AbortController();
    await expect(Session.dial(transport, "memory", "nobody", { signal })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const listener = new SessionListener(transport, "memory", "somebody");
    await listener.listening;
    const client = await Session.dial(transport, "memory", "somebody", { signal });
    const server = await listener.accept({ signal });
    const late = listener.accept({ signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await listener.close();
    await expect(late).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED" });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    await Promise.all([client.close(), server.close()]);
  });

  test("that is iterated leaves nothing when the loop is left", async () => {
    const pair = new SessionPair();
    void pair.client.open().write(Uint8Array.of(1));
    for await (const stream of pairing(pair)) {
      for await (const chunk of stream) {
        expect(chunk).toEqual(Uint8Array.of(1));
        break;
      }
      stream.reset();
      break;
    }
    await pair.settle();
    expect(pair.clock.timers).toBe(IDLE_TIMERS);
    expect(pair.client.streamCount + pair.server.streamCount).toBe(0);
  });
});

/** The streams of the server, with time that goes on meanwhile. */
async function* pairing(pair: SessionPair): AsyncGenerator<Stream> {
  const accepted = pair.server[Symbol.asyncIterator]();
  const next = accepted.next();
  await pair.settle();
  const result = await next;
  if (result.done !== true) yield result.value;
  await accepted.return?.();
}
