import { Session, type Stream } from "@astranet/mux";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, credit, data, lengthOf, settings, started, stop, syn, text, textOf, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { codeOf, outcome, SessionPair } from "./support/session-pair.ts";

const MiB = 1_048_576;

/** A client whose connection takes nothing more, and windows that never end. */
async function blocked() {
  const connection = new HeldConnection();
  const clock = new ManualClock();
  const session = new Session(connection, { role: "client", clock, keepAlive: false });
  connection.give(settings({ initialWindow: 2 ** 30, linkWindow: 2 ** 30 }));
  await clock.settle();
  connection.hasRoom = false;
  const stream = session.open();
  await clock.settle();
  return { connection, clock, session, stream };
}

describe("write()", () => {
  it("resolves at once while the session has less than 1 MiB to frame, and then when its last byte is framed", async () => {
    const { connection, stream, clock } = await blocked();
    for (let i = 0; i < 16; i++) expect(await codeOf(stream.write(new Uint8Array(MiB / 16)))).toBe("resolved");
    const waiting = stream.write(bytes("x"));
    expect(await codeOf(waiting)).toBe("pending");
    expect(stream.writableLength).toBe(MiB + 1);
    connection.drain();
    await clock.settle();
    expect(await codeOf(waiting)).toBe("resolved");
    expect(stream.writableLength).toBe(0);
  });

  it("of a fresh stream waits too while the session has more than that to frame", async () => {
    const { connection, session, stream, clock } = await blocked();
    const other = session.open();
    void stream.write(new Uint8Array(2 * MiB));
    const waiting = other.write(bytes("x"));
    expect(await codeOf(waiting)).toBe("pending");
    expect(other.tryWrite(bytes("y"))).toBe(false);
    connection.drain();
    await clock.settle();
    expect(await codeOf(waiting)).toBe("resolved");
    expect(other.tryWrite(bytes("y"))).toBe(true);
  });

  it("waits for credit where the stream has bytes that lack it", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(65_536));
    await peer.listen();
    expect(await codeOf(stream.write(bytes("1")))).toBe("resolved");
    const waiting = [stream.write(bytes("22")), stream.write([bytes("3"), bytes(""), bytes("33")])];
    expect(await codeOf(waiting[0] as Promise<void>)).toBe("pending");
    expect(stream.writableLength).toBe(6);
    expect(textOf(await peer.say(credit(1, 4)), 1)).toBe("1223");
    expect(await Promise.all(waiting.map(codeOf))).toEqual(["resolved", "pending"]);
    expect(textOf(await peer.say(credit(1, 4)), 1)).toBe("33");
    expect(await codeOf(waiting[1] as Promise<void>)).toBe("resolved");
  });

  it("of nothing resolves, and sends nothing", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    expect(await codeOf(stream.write(new Uint8Array(0)))).toBe("resolved");
    expect(await codeOf(stream.write([]))).toBe("resolved");
    expect(stream.tryWrite(new Uint8Array(0))).toBe(true);
    expect(await peer.listen()).toEqual([]);
  });

  it("of nothing resolves at once also behind bytes that wait, and leaves them where they are", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(65_536));
    await peer.listen();
    void stream.write(bytes("kept"));
    await peer.listen();
    for (const nothing of [new Uint8Array(0), []]) expect(await codeOf(stream.write(nothing))).toBe("resolved");
    expect(textOf(await peer.say(credit(1, 10)), 1)).toBe("kept");
  });

  it("keeps no queue where there is nothing to frame", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const nothing = new Uint8Array(0);
    const ways: (() => unknown)[] = [() => stream.write(nothing), () => stream.write([nothing]), () => stream.tryWrite(nothing), () => stream.end(nothing)];
    void stream.write(bytes("x"));
    await peer.listen();
    expect(stream._out).toBeUndefined();
    for (const way of ways) {
      way();
      expect(stream._out).toBeUndefined();
    }
  });

  it("gathers chunks in order, into as few frames as there can be", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    await peer.listen();
    void stream.write([bytes("a"), bytes("b")]);
    void stream.write(bytes("c"));
    expect(await peer.listen()).toEqual([data(1, "abc")]);
  });

  it("goes with the SYN where it comes within the tick", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open({ type: 7 });
    void stream.write(bytes("first"));
    expect(await peer.listen()).toEqual([{ ...syn(1, "first"), flags: 6, streamType: 7 }]);
  });
});

describe("tryWrite()", () => {
  it("takes all of a chunk exactly when write would resolve at once, or none of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.nat(200_000), fc.constantFrom("credit", "tick", "write" as const)), { maxLength: 40 }), async (steps) => {
        // The same steps on both; one writes, the other tries.
        const peers = [await started({ role: "client" }), await started({ role: "client" })] as const;
        const [writer, trier] = peers.map(({ session }) => session.open()) as [Stream, Stream];
        for (const step of steps) {
          if (step === "credit") for (const peer of peers) await peer.say(credit(1, 100_000));
          else if (step === "tick") for (const peer of peers) await peer.listen();
          else {
            const chunk = new Uint8Array(step === "write" ? 10 : step);
            const before = trier.writableLength;
            const taken = trier.tryWrite(chunk);
            expect(trier.writableLength).toBe(taken ? before + chunk.length : before);
            const atOnce = (await outcome(writer.write(chunk)))[0] === "resolved";
            if (chunk.length > 0) expect(taken).toBe(atOnce);
            // Keep them alike.
            if (!taken) void trier.write(chunk);
          }
          expect(trier.writableLength).toBe(writer.writableLength);
        }
        for (const peer of peers) peer.session.abort();
      }),
      { numRuns: 100 },
    );
  });

  it("after false, ready() resolves when it is worth trying again", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(65_537));
    await peer.listen();
    expect(stream.tryWrite(bytes("x"))).toBe(false);
    const ready = stream.ready();
    await peer.listen();
    expect(await outcome(ready)).toEqual(["pending"]);
    await peer.say(credit(1, 10));
    expect(await codeOf(ready)).toBe("resolved");
    expect(stream.tryWrite(bytes("x"))).toBe(true);
    expect(await codeOf(stream.ready())).toBe("resolved");
  });

  it("after false, an attached sink is told", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    let times = 0;
    stream.attach({ data: () => undefined, end: () => undefined, reset: () => undefined, ready: () => times++ });
    void stream.write(new Uint8Array(65_537));
    await peer.listen();
    expect(times).toBe(0);
    stream.tryWrite(bytes("x"));
    await peer.say(credit(1, 10));
    expect(times).toBe(1);
    await peer.say(credit(1, 10));
    expect(times).toBe(1);
  });

  it("is worth trying again after the backlog of the whole session has gone down", async () => {
    const { connection, session, stream, clock } = await blocked();
    void stream.write(new Uint8Array(3 * MiB));
    const other = session.open();
    let ready = "pending";
    while (other.tryWrite(new Uint8Array(1_000)));
    void other.ready().then(() => (ready = "resolved"));
    await clock.settle();
    expect(ready).toBe("pending");
    connection.drain();
    await clock.settle();
    expect(ready).toBe("resolved");
  });
});

describe("a stream that has never waited", () => {
  it("is told that it may write again after tryWrite gave false, though nobody listens", async () => {
    const { connection, session, stream, clock } = await blocked();
    void stream.write(new Uint8Array(2 * MiB));
    const other = session.open();
    expect(other.tryWrite(bytes("x"))).toBe(false);
    connection.drain();
    await clock.settle();
    expect(other.tryWrite(bytes("x"))).toBe(true);
  });
});

describe("ready()", () => {
  it("rejects where a write would, when the stream breaks meanwhile", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    void stream.write(new Uint8Array(65_537));
    await peer.listen();
    const waiting = stream.ready();
    await peer.say(stop(1));
    expect(await codeOf(waiting)).toBe("EPIPE");
  });
});

describe("backpressure", () => {
  it("bounds what a writer that awaits has queued, whatever the reader does", async () => {
    const pair = new SessionPair();
    const [local] = await pair.stream();
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 1_000; i++) {
        await local.write(new Uint8Array(10_000));
        written += 10_000;
      }
    })();
    await pair.settle();
    expect(written).toBeLessThanOrEqual(262_144 + MiB + 20_000);
    expect(local.writableLength).toBeLessThanOrEqual(MiB + 20_000);
    pair.client.abort();
    await writing.catch(() => undefined);
  });

  it("never lets bytes without credit into a shared queue: they stay with their stream", async () => {
    const peer = await started({ role: "client" });
    const stuck = peer.session.open();
    void stuck.write(new Uint8Array(10 * MiB));
    await peer.listen();
    expect(peer.session._sender.scheduler.backlog).toBe(0);
    expect(peer.session.stats().queuedBytes).toBe(10 * MiB - 65_536);
    const other = peer.session.open();
    expect(await codeOf(other.write(bytes("through")))).toBe("resolved");
    expect(lengthOf(await peer.listen(), other.id)).toBe(7);
  });
});

describe("push mode", () => {
  it("gives what was queued first, before attach returns, then the end", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.end(bytes("queued"));
    await pair.settle();
    const heard: string[] = [];
    remote.attach({ data: (chunk) => heard.push(text(chunk) ?? ""), end: () => heard.push("end"), reset: () => heard.push("reset") });
    expect(heard).toEqual(["queued", "end"]);
    expect(await codeOf(remote.read())).toBe("ERR_ASTRANET_INVALID_STATE");
    expect(() => remote.tryRead()).toThrow("ERR_ASTRANET_INVALID_STATE");
    expect(() => {
      remote.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    }).toThrow("ERR_ASTRANET_INVALID_STATE");
  });

  it("returns credit as the sink consumes, not as bytes come", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    stream.attach({ data: () => undefined, end: () => undefined, reset: () => undefined });
    await peer.listen();
    expect((await peer.say(data(1, 65_536), data(1, 65_536))).filter(({ type }) => type === "WNDINC")).toEqual([]);
    stream.consume(131_071);
    expect(await peer.listen()).toEqual([]);
    stream.consume(1);
    expect(told(await peer.listen())).toEqual([credit(1, 131_072)]);
    for (const wrong of [1, -1, NaN]) {
      expect(() => {
        stream.consume(wrong);
      }).toThrow("EINVAL");
    }
  });

  it("tells a sink what of its writes was framed, as the peer's credit allows, and lets it write more at once", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    const framed: number[] = [];
    stream.attach({
      data: () => undefined,
      end: () => undefined,
      reset: () => undefined,
      framed: (bytes) => {
        framed.push(bytes);
        if (framed.length === 1) void stream.write(new Uint8Array(60_000));
      },
    });
    expect(stream.tryWrite(new Uint8Array(10_000))).toBe(true);
    expect(framed).toEqual([]);
    expect(lengthOf(await peer.listen(), stream.id)).toBe(65_536);
    expect(framed).toEqual([10_000, 55_536]);
    expect(stream.writableLength).toBe(4_464);
    await peer.say(credit(1, 10_000));
    expect(framed).toEqual([10_000, 55_536, 4_464]);
    await stream.end();
    await peer.listen();
    expect(framed).toHaveLength(3);
  });

  it("lets a sink stop or reset its stream within data: nothing follows", async () => {
    for (const how of ["stop", "reset"] as const) {
      const peer = await started({ role: "server" });
      await peer.say(syn(1, "one"));
      await peer.say(data(1, 20_000));
      const stream = await peer.session.accept();
      const heard: string[] = [];
      stream.attach({
        data: () => {
          heard.push("data");
          stream[how]();
        },
        end: () => heard.push("end"),
        reset: () => heard.push("reset"),
      });
      await peer.say(data(1, "more"));
      expect(heard).toEqual(how === "stop" ? ["data"] : ["data", "reset"]);
      expect(peer.session._options.budget.unreadBytes).toBe(0);
    }
  });

  it("a sink that throws breaks its own stream; the error surfaces and the session goes on", async () => {
    const failure = new Error("a mistake of the application");
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    (await peer.session.accept()).attach({
      data: () => {
        throw failure;
      },
      end: () => undefined,
      reset: () => undefined,
    });
    await expect(peer.say(data(1, "x"), syn(3, "y"))).rejects.toBe(failure);
    await peer.listen();
    expect(peer.frames).toContainEqual({ type: "RST", streamId: 1, flags: 0, code: 2 });
    expect(text((await peer.session.accept()).tryRead())).toBe("y");
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });
});
