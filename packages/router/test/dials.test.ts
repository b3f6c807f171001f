import type { Session } from "@astranet/mux";
import type { Conn } from "@astranet/router";
import { Encoder } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { nodeIdToBytes } from "../src/node-id.ts";
import { decodeDialHeader, encodeDialHeader } from "../src/ports/dial-header.ts";
import { streamTypes } from "../src/stream-types.ts";
import { during, idOf, linked, outcome, type TestNetwork, type TestNode } from "./support/network.ts";

async function conns(): Promise<{ net: TestNetwork; near: Conn; far: Conn }> {
  const { net, a, b } = await linked();
  const listener = b.router.bind({ port: 80 });
  const accepted = listener.accept();
  const near = await during(net.clock, a.router.connect(b.id, 80), 1000);
  return { net, near, far: await accepted };
}

/** Opens a stream as an honest router would not, on the link that `node` has. */
function forge(node: TestNode, header: Uint8Array): void {
  const [link] = node.router.links as unknown as { session: Session }[];
  link!.session.open({ type: streamTypes.dial, header }).opened.catch(() => undefined);
}

const honest = { port: 80, service: undefined, env: "", from: { id: idOf(1), port: 7 }, trace: undefined };

describe("a Conn", () => {
  it("reads and writes without waiting, and says when that is worth trying", async () => {
    const { net, near, far } = await conns();
    expect(far.tryRead()).toBeUndefined();
    expect(near.tryWrite(Uint8Array.of(1, 2))).toBe(true);
    await net.clock.advance(10);
    expect(far.readableLength).toBe(2);
    expect(far.tryRead()).toEqual(Uint8Array.of(1, 2));
    near.tryWrite(new Uint8Array(1_000_000));
    await net.clock.advance(10);
    expect(near.writableLength).toBeGreaterThan(0);
    expect(near.tryWrite(Uint8Array.of(3))).toBe(false);
    const ready = near.ready();
    expect(await outcome(ready)).toBe("pending");
    const read = (async () => {
      for (let got = 0; got < 1_000_000; ) got += (await far.read())!.length;
    })();
    await during(net.clock, read, 100);
    expect(await outcome(ready)).toBeUndefined();
    await near.end();
    await net.clock.advance(10);
    expect(far.tryRead()).toBeNull();
  });

  it("has deadlines for each direction and for both, and is unharmed by them", async () => {
    const { net, near, far } = await conns();
    near.setReadDeadline(50);
    const late = during(net.clock, near.read(), 100);
    expect(await late.catch((error: unknown) => error)).toMatchObject({ code: "ETIMEDOUT" });
    near.setReadDeadline(undefined);
    near.setWriteDeadline(0);
    await net.clock.advance(1);
    expect(await outcome(near.write(Uint8Array.of(1)))).toMatchObject({ code: "ETIMEDOUT" });
    near.setDeadline(undefined);
    await near.write(Uint8Array.of(2));
    expect(await during(net.clock, far.read(), 10)).toEqual(Uint8Array.of(2));
    far.setDeadline(20);
    const waiting = during(net.clock, far.read(), 30);
    expect(await waiting.catch((error: unknown) => error)).toMatchObject({ code: "ETIMEDOUT" });
  });

  it("tells the other side that nobody reads any more, and is disposed of by closing both halves", async () => {
    const { net, near, far } = await conns();
    far.stop();
    await net.clock.advance(10);
    expect(await outcome(near.write(Uint8Array.of(1)))).toMatchObject({ code: "EPIPE" });
    void near[Symbol.asyncDispose]();
    void far[Symbol.asyncDispose]();
    await net.clock.advance(10);
    expect([await outcome(near.closed), await outcome(far.closed)]).toEqual([undefined, undefined]);
  });

  it("is a pair of WHATWG streams, and has an urgency", async () => {
    const { net, near, far } = await conns();
    near.urgency = 1;
    expect(near.urgency).toBe(1);
    const writer = near.writable.getWriter();
    void writer.write(Uint8Array.of(1, 2, 3));
    void writer.close();
    const reader = far.readable.getReader();
    expect(await during(net.clock, reader.read(), 10)).toEqual({ done: false, value: Uint8Array.of(1, 2, 3) });
    expect(await during(net.clock, reader.read(), 10)).toEqual({ done: true, value: undefined });
  });
});

describe("a dial that comes", () => {
  it("and says that it is from somebody else than the other end of the link ends the link", async () => {
    const { net, a, b } = await linked();
    b.router.bind({ port: 80 });
    forge(a, encodeDialHeader({ ...honest, from: { id: idOf(3), port: 7 } }));
    await net.clock.advance(1000);
    expect(b.events.find(({ type }) => type === "linkdown")).toMatchObject({
      error: { code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(`from ${idOf(1)} says that it is from ${idOf(3)}`) as string },
    });
    expect(a.router.links).toEqual([]);
  });

  const encoder = new Encoder();
  const from = { i: nodeIdToBytes(idOf(1)), p: 7 };
  it.each([
    ["no msgpack", Uint8Array.of(0xc1), /header is malformed: ./],
    ["a list", encoder.encode([80]), /it is no map/],
    ["nothing", encoder.encode(null), /it is no map/],
    ["a port of half a number", encoder.encode({ p: 1.5, f: from }), /its port/],
    ["a port as text", encoder.encode({ p: "80", f: from }), /its port/],
    ["a port that is too high", encoder.encode({ p: 2 ** 32, f: from }), /its port/],
    ["a service that is no text", encoder.encode({ s: 80, f: from }), /its service/],
    ["a service without a name", encoder.encode({ s: "", f: from }), /its service/],
    ["a service of 256 characters", encoder.encode({ s: "x".repeat(256), f: from }), /its service/],
    ["neither", encoder.encode({ f: from }), /it names neither port nor service/],
    ["an env that is no text", encoder.encode({ p: 80, e: 1, f: from }), /its env/],
    ["nobody that it is from", encoder.encode({ p: 80 }), /who it is from/],
    ["an id of seven bytes", encoder.encode({ p: 80, f: { i: from.i.subarray(1), p: 7 } }), /who it is from/],
    ["an id as text", encoder.encode({ p: 80, f: { i: idOf(1), p: 7 } }), /who it is from/],
    ["no port that it is from", encoder.encode({ p: 80, f: { i: from.i } }), /who it is from/],
    ["a trace context that is no text", encoder.encode({ p: 80, f: from, t: 1 }), /its trace context/],
    ["a trace context of 513 characters", encoder.encode({ p: 80, f: from, t: "x".repeat(513) }), /./],
  ])("with %s in its header is malformed, and says so", (_what, bytes, words) => {
    expect(() => decodeDialHeader(bytes)).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringMatching(words) as string }));
  });

  it("may have a service and an env of 255 characters, and a trace context of 512", () => {
    const header = { ...honest, service: "s".repeat(255), env: "e".repeat(255), trace: "t".repeat(512) };
    expect(decodeDialHeader(encodeDialHeader(header))).toEqual(header);
  });
});

describe("a dial that fails", () => {
  it("has the code by which the other side gave up", async () => {
    const { net, a, b } = await linked();
    const [link] = b.router.links as unknown as { session: Session }[];
    const dialled = a.router.connect(b.id, 80);
    b.router.bind({ port: 80, backlog: 10 });
    await net.clock.advance(0);
    for (const stream of link!.session._streams()) if (stream.type === streamTypes.dial) stream.reset(300, "not now");
    const error = await during(net.clock, dialled, 100).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ECONNRESET", remoteCode: 300, via: [b.id] });
  });

  it.each([
    [0, {}, /port 0 is not a whole number between 1 and 4294967295/],
    [1, { timeoutMs: -1 }, /timeoutMs -1 is not a number from 0 on/],
    [1, { trace: "x".repeat(513) }, /a trace context of 513 characters is longer than 512/],
    [1, { peerKey: new Uint8Array(31) }, /peerKey is a public key of 32 bytes/],
  ])("for port %d and %o says what is wrong with that", async (port, options, words) => {
    const { a, b } = await linked();
    expect(await outcome(a.router.connect(b.id, port, options))).toMatchObject({ code: "EINVAL", message: expect.stringMatching(words) as string });
  });

  it("may have a timeout of 0, port 1 and a trace context of 512 characters", async () => {
    const { net, a, b } = await linked();
    b.router.bind({ port: 1 });
    const dialled = a.router.connect(b.id, 1, { timeoutMs: 0, trace: "x".repeat(512) });
    expect(await during(net.clock, dialled, 100).catch((reason: unknown) => reason)).toMatchObject({ code: "ETIMEDOUT", message: expect.stringContaining("did not accept within 0 ms") as string });
  });
});
