import { describe, expect, it } from "vitest";
import { accepted, bytes, credit, data, fin, ping, started, syn, text, textOf } from "./support/frames.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

const reason = new Error("changed my mind");
const expectAborted = async (promise: Promise<unknown>): Promise<void> => {
  expect(await outcome(promise)).toEqual(["rejected", reason]);
};

/** A stream whose window is used up, with a byte more queued. */
async function stuck() {
  const peer = await started({ role: "client" });
  const stream = peer.session.open();
  void stream.write(new Uint8Array(65_537));
  await peer.listen();
  expect(stream.writableLength).toBe(1);
  return { peer, stream };
}

describe("an aborted signal", () => {
  it("given to a call rejects it at once with its own reason, and nothing happens", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const signal = AbortSignal.abort(reason);
    await expectAborted(local.read({ signal }));
    await expectAborted(local.write(bytes("x"), { signal }));
    await expectAborted(local.ready({ signal }));
    await expectAborted(pair.client.accept({ signal }));
    await expectAborted(pair.client.ping({ signal }));
    await pair.settle();
    expect(remote.tryRead()).toBeUndefined();
    expect(local.writableLength).toBe(0);
  });
});

describe("a read that is aborted", () => {
  it("rejects with the signal's reason; the next read gets the bytes", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const controller = new AbortController();
    const read = remote.read({ signal: controller.signal });
    controller.abort(reason);
    await expectAborted(read);
    void local.write(bytes("kept"));
    await pair.settle();
    expect(text(await remote.read())).toBe("kept");
  });

  it("after it had its bytes keeps them", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const controller = new AbortController();
    const read = remote.read({ signal: controller.signal });
    void local.write(bytes("mine"));
    await pair.settle();
    const next = remote.read();
    controller.abort(reason);
    expect(text(await read)).toBe("mine");
    expect(await outcome(next)).toEqual(["pending"]);
  });
});

describe("a write that is aborted", () => {
  it("is withdrawn where none of it was framed", async () => {
    const { peer, stream } = await stuck();
    const controller = new AbortController();
    const before = stream.write(bytes("before "));
    const write = stream.write([bytes("with"), bytes("drawn")], { signal: controller.signal });
    const after = stream.write(bytes("after"));
    controller.abort(reason);
    await expectAborted(write);
    expect(stream.writableLength).toBe(13);
    expect(textOf(await peer.say(credit(1, 100)), 1)).toBe("\0before after");
    expect([await codeOf(before), await codeOf(after)]).toEqual(["resolved", "resolved"]);
    expect(stream.writableLength).toBe(0);
  });

  it("is completed where some of it was framed", async () => {
    const { peer, stream } = await stuck();
    const controller = new AbortController();
    const write = stream.write(bytes("whole"), { signal: controller.signal });
    expect(textOf(await peer.say(credit(1, 3)), 1)).toBe("\0wh");
    controller.abort(reason);
    expect(await outcome(write)).toEqual(["pending"]);
    expect(textOf(await peer.say(credit(1, 9)), 1)).toBe("ole");
    expect(await outcome(write)).toEqual(["resolved", undefined]);
  });

  it("lets the end behind it out", async () => {
    const { peer, stream } = await stuck();
    const controller = new AbortController();
    const write = stream.write(bytes("withdrawn"), { signal: controller.signal });
    const end = stream.end();
    controller.abort(reason);
    await expectAborted(write);
    expect(await peer.say(credit(1, 100))).toEqual([{ type: "DATA", streamId: 1, flags: 1, payload: "00" }]);
    expect(await codeOf(end)).toBe("resolved");
  });

  it("as the last of several leaves the queue in order for what comes next", async () => {
    const { peer, stream } = await stuck();
    const controllers = [new AbortController(), new AbortController()] as const;
    const writes = controllers.map(({ signal }) => stream.write(bytes("never"), { signal }));
    for (const controller of controllers) controller.abort(reason);
    for (const write of writes) await expectAborted(write);
    expect(stream.writableLength).toBe(1);
    const next = stream.write(bytes("next"));
    expect(textOf(await peer.say(credit(1, 100)), 1)).toBe("\0next");
    expect(await codeOf(next)).toBe("resolved");
    void stream.write(bytes("and on"));
    expect(textOf(await peer.listen(), 1)).toBe("and on");
  });

  it("is completed where its first chunk was framed, whole, and the next was not", async () => {
    const { peer, stream } = await stuck();
    const controller = new AbortController();
    const write = stream.write([bytes("who"), bytes("le")], { signal: controller.signal });
    expect(textOf(await peer.say(credit(1, 4)), 1)).toBe("\0who");
    controller.abort(reason);
    expect(await outcome(write)).toEqual(["pending"]);
    expect(textOf(await peer.say(credit(1, 9)), 1)).toBe("le");
    expect(await outcome(write)).toEqual(["resolved", undefined]);
  });

  it("is withdrawn also where it is all that the stream has: an end behind it leaves, and nothing of it is kept", async () => {
    for (const ends of [true, false]) {
      const peer = await started({ role: "client" }, { initialWindow: 2 ** 22 });
      const [stream, bulk] = [peer.session.open(), peer.session.open()];
      await peer.listen();
      void bulk.write(new Uint8Array(2 ** 21));
      const controller = new AbortController();
      const write = stream.write(bytes("withdrawn"), { signal: controller.signal });
      const end = ends ? stream.end() : undefined;
      controller.abort(reason);
      await expectAborted(write);
      expect([stream.writableLength, stream._out]).toEqual([0, undefined]);
      expect((await peer.listen()).filter((frame) => frame.type === "DATA" && frame.streamId === 1)).toEqual(ends ? [fin(1)] : []);
      if (end !== undefined) expect(await codeOf(end)).toBe("resolved");
    }
  });

  it("before its SYN left is never seen by the peer", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const controller = new AbortController();
    void stream.write(bytes("first"));
    const write = stream.write(bytes("never"), { signal: controller.signal });
    controller.abort(reason);
    await expectAborted(write);
    expect(await peer.listen()).toEqual([syn(1, "first")]);
  });
});

describe("a wait for room that is aborted", () => {
  it("rejects alone; other waits go on", async () => {
    const { peer, stream } = await stuck();
    const controller = new AbortController();
    const own = stream.ready({ signal: controller.signal });
    const other = stream.ready();
    controller.abort(reason);
    await expectAborted(own);
    expect(await outcome(other)).toEqual(["pending"]);
    await peer.say(credit(1, 100_000));
    expect(await codeOf(other)).toBe("resolved");
  });
});

describe("an accept that is aborted", () => {
  it("loses no stream", async () => {
    const pair = new SessionPair();
    const controller = new AbortController();
    const waiting = pair.server.accept({ signal: controller.signal });
    const second = pair.server.accept();
    controller.abort(reason);
    await expectAborted(waiting);
    const stream = pair.client.open();
    await pair.settle();
    expect((await second).id).toBe(stream.id);
    expect(pair.server.stats().backlog).toBe(0);
  });
});

describe("a ping that is aborted", () => {
  it("rejects alone; who shares it still gets the round trip", async () => {
    const peer = await started({ role: "client" });
    const controller = new AbortController();
    const own = peer.session.ping({ signal: controller.signal });
    const other = peer.session.ping();
    await peer.listen();
    controller.abort(reason);
    await expectAborted(own);
    await peer.clock.advance(7);
    await peer.say(ping(1, true));
    expect(await other).toBe(7);
  });
});

describe("an abort that comes when all is done", () => {
  it("finds no listener of ours left", async () => {
    const { peer, stream } = await stuck();
    let listeners = 0;
    const signal = new Proxy(new AbortController().signal, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (name === "addEventListener") listeners++;
          if (name === "removeEventListener") listeners--;
          return (value as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const calls = [stream.read({ signal }), stream.write(bytes("x"), { signal }), stream.ready({ signal }), peer.session.accept({ signal }), peer.session.ping({ signal })];
    expect(listeners).toBe(5);
    await peer.say(accepted(1), data(1, "x"), credit(1, 100_000), syn(2), ping(1, true));
    for (const call of calls) expect(await codeOf(call)).toBe("resolved");
    expect(listeners).toBe(0);
    const broken = [stream.read({ signal }), peer.session.accept({ signal }), peer.session.ping({ signal })];
    expect(listeners).toBe(3);
    await peer.cut();
    for (const call of broken) expect(await codeOf(call)).toBe("ECONNRESET");
    expect(listeners).toBe(0);
  });
});

describe("a deadline", () => {
  it("rejects reads that wait and later ones with ETIMEDOUT until it is moved; no byte is lost", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    remote.setReadDeadline(50);
    const read = remote.read();
    await pair.advance(49);
    expect(await outcome(read)).toEqual(["pending"]);
    await pair.advance(1);
    expect(await codeOf(read)).toBe("ETIMEDOUT");
    void local.write(bytes("kept"));
    await pair.settle();
    expect(await codeOf(remote.read())).toBe("ETIMEDOUT");
    expect(() => remote.tryRead()).toThrow("ETIMEDOUT");
    remote.setReadDeadline(undefined);
    expect(text(await remote.read())).toBe("kept");
    remote.setReadDeadline(0);
    expect(await codeOf(remote.read())).toBe("ETIMEDOUT");
    remote.setReadDeadline(10);
    const next = remote.read();
    remote.setReadDeadline(Infinity);
    await pair.advance(100);
    expect(await outcome(next)).toEqual(["pending"]);
  });

  it("rejects writes that wait and later ones; what they queued is still sent", async () => {
    const { peer, stream } = await stuck();
    stream.setWriteDeadline(50);
    const calls = [stream.write(bytes("sent all the same")), stream.ready()];
    await peer.clock.advance(50);
    for (const call of calls) expect(await codeOf(call)).toBe("ETIMEDOUT");
    expect(await codeOf(stream.write(bytes("x")))).toBe("ETIMEDOUT");
    expect(() => stream.tryWrite(bytes("x"))).toThrow("ETIMEDOUT");
    expect(await codeOf(stream.ready())).toBe("ETIMEDOUT");
    expect(await codeOf(stream.end(bytes("x")))).toBe("ETIMEDOUT");
    expect(textOf(await peer.say(credit(1, 100)), 1)).toBe("\0sent all the same");
    stream.setWriteDeadline(undefined);
    void stream.end(bytes("!"));
    expect(textOf(await peer.listen(), 1)).toBe("!");
  });

  it("of both directions leaves the stream as it is, and no timer when the stream is over", async () => {
    const pair = new SessionPair({ both: { keepAlive: false } });
    const [local, remote] = await pair.stream();
    local.setDeadline(50);
    const read = local.read();
    await pair.advance(60);
    expect(await codeOf(read)).toBe("ETIMEDOUT");
    local.setDeadline(1_000);
    void remote.end(bytes("unharmed"));
    void local.end();
    await pair.settle();
    expect(text(await local.read())).toBe("unharmed");
    expect(await local.read()).toBeNull();
    local.reset();
    local.setDeadline(undefined);
    expect(pair.clock.timers).toBe(0);
  });

  it("that is over when it is set rejects a read that waits at once", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    const read = local.read();
    local.setReadDeadline(0);
    expect(await codeOf(read)).toBe("ETIMEDOUT");
  });

  it("without an end, or of a stream that broke, sets no timer and changes no error", async () => {
    const pair = new SessionPair({ both: { keepAlive: false } });
    const [local] = await pair.stream();
    local.setDeadline(Infinity);
    expect(pair.clock.timers).toBe(0);
    local.reset();
    local.setDeadline(10);
    expect(pair.clock.timers).toBe(0);
    local.setDeadline(0);
    expect([await codeOf(local.read()), await codeOf(local.write(bytes("x")))]).toEqual(["ECONNRESET", "ECONNRESET"]);
  });

  it("that is no number is EINVAL", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    for (const wrong of ["50", new Date(), null]) {
      expect(() => {
        local.setDeadline(wrong as unknown as number);
      }).toThrow("EINVAL");
    }
  });
});

describe("two reads at once", () => {
  it("are a mistake that hurts only the second", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    const first = remote.read();
    expect(await codeOf(remote.read())).toBe("ERR_ASTRANET_INVALID_STATE");
    expect(remote.tryRead()).toBeUndefined();
    expect(() => {
      remote.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    }).toThrow("ERR_ASTRANET_INVALID_STATE");
    void local.write(bytes("x"));
    await pair.settle();
    expect(text(await first)).toBe("x");
  });
});
