// The vectors of docs/link-protocol.md. They were written by another implementation of msgpack, SipHash and the layouts than ours.
import { decodeRecord, encodeRecord, RecordStore, ServiceDirectory, type StoredRecord } from "@astranet/discovery";
import { Session, type Stream } from "@astranet/mux";
import { nodeIdOfKey } from "@astranet/router";
import type { AstraErrorCode, Connection, ConnectionSink } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { ControlReader, encodeControl, type ControlMessage } from "../src/link/control-codec.ts";
import { refusalError, refuseMessage } from "../src/link/control-stream.ts";
import { helloMessage, parseHello, type Hello } from "../src/link/hello.ts";
import { agree, decodePreamble, encodePreamble, preambleBytes, type Preamble } from "../src/link/preamble.ts";
import { decodeDialHeader, encodeDialHeader } from "../src/ports/dial-header.ts";
import vectors from "./link-protocol-vectors.json" with { type: "json" };
import { idOf, TestNetwork } from "./support/network.ts";

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** { bytes: hex } made bytes, at any depth. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== "object" || value === null) return value;
  const { bytes } = value as { bytes?: unknown };
  if (typeof bytes === "string") return fromHex(bytes);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withBytes(each)]));
}

function codeOf(fail: () => unknown): AstraErrorCode | "nothing was thrown" {
  try {
    fail();
  } catch (error) {
    return (error as { code: AstraErrorCode }).code;
  }
  return "nothing was thrown";
}

/** The messages in what came, a byte at a time. */
function read(hex: string): ControlMessage[] {
  const reader = new ControlReader();
  return [...fromHex(hex)].flatMap((byte) => [...reader.push(Uint8Array.of(byte))]);
}

const preambleOf = (hex: string): Preamble => decodePreamble(fromHex(hex))!;
const find = <Vector extends { readonly name: string }>(list: readonly Vector[], name: string): Vector => list.find((each) => each.name === name)!;

describe("a preamble", () => {
  it.each(vectors.preamble)("is read and written: $name", ({ hex, says }) => {
    const preamble = { ...says, random: fromHex(says.random) } as Preamble;
    expect(decodePreamble(fromHex(`${hex}ffff`))).toEqual(preamble);
    expect(toHex(encodePreamble(preamble))).toBe(hex);
  });

  it.each(vectors.preambleIncomplete)("needs more: $name", ({ hex }) => {
    expect(decodePreamble(fromHex(hex))).toBeUndefined();
  });

  it.each(vectors.preambleRefused)("is refused: $name", ({ hex, code }) => {
    expect(codeOf(() => decodePreamble(fromHex(hex)))).toBe(code);
  });

  it.each(vectors.agree)("settles the link: $name", ({ ours, theirs, initiator, encrypted, code }) => {
    const [one, other] = [preambleOf(ours), preambleOf(theirs)];
    if (code === undefined) {
      expect(agree(one, other)).toEqual({ initiator, encrypted });
      expect(agree(other, one)).toEqual({ initiator: !initiator, encrypted });
    } else expect([codeOf(() => agree(one, other)), codeOf(() => agree(other, one))]).toEqual([code, code]);
  });
});

describe("a node's id", () => {
  it.each(vectors.nodeId)("follows from its key: $name", ({ key, id }) => {
    expect(nodeIdOfKey(fromHex(key)) ?? null).toBe(id);
  });
});

describe("a control message", () => {
  it.each(vectors.control)("is read: $name", ({ hex, says }) => {
    expect(read(hex + hex)).toEqual([withBytes(says), withBytes(says)]);
  });

  it.each(vectors.control.filter(({ decodeOnly }) => decodeOnly !== true))("is what is written: $name", ({ hex, says }) => {
    expect(toHex(encodeControl(withBytes(says) as ControlMessage))).toBe(hex);
  });

  it.each(vectors.controlRefused)("is refused: $name", ({ hex, code }) => {
    expect(codeOf(() => read(hex))).toBe(code);
  });

  it("that refuses says an error, and means it to the other end", () => {
    const [message] = read(find(vectors.control, "refuse").hex);
    const error = refusalError(message!);
    expect(error).toMatchObject({ code: "ERR_ASTRANET_ID_CONFLICT", retryable: false });
    expect(refuseMessage(error)).toMatchObject({ t: "refuse", code: error.code, retry: false });
    expect(refusalError({ t: "refuse", code: "EIO" })).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: false });
  });
});

describe("a HELLO", () => {
  const hellos = vectors.hello.map((vector) => {
    const { incarnation, ...says } = vector.says;
    return { ...vector, hello: { ...(withBytes(says) as Omit<Hello, "incarnation">), incarnation: BigInt(incarnation) } };
  });

  it.each(hellos)("is read: $name", ({ hex, hello }) => {
    expect(read(hex).map(parseHello)).toEqual([hello]);
  });

  it.each(hellos.filter(({ decodeOnly }) => decodeOnly !== true))("is what is written: $name", ({ hex, hello }) => {
    expect(toHex(encodeControl(helloMessage(hello)))).toBe(hex);
  });

  it.each(vectors.helloRefused)("is refused: $name", ({ hex, code }) => {
    expect(codeOf(() => read(hex).map(parseHello))).toBe(code);
  });
});

describe("a dial's header", () => {
  const dials = vectors.dial.map((vector) => ({ ...vector, header: { ...vector.says, service: vector.says.service ?? undefined, trace: vector.says.trace ?? undefined } }));

  it.each(dials)("is read: $name", ({ hex, header }) => {
    expect(decodeDialHeader(fromHex(hex))).toEqual(header);
  });

  it.each(dials.filter(({ decodeOnly }) => decodeOnly !== true))("is what is written: $name", ({ hex, header }) => {
    expect(toHex(encodeDialHeader(header))).toBe(hex);
  });

  it.each(vectors.dialRefused)("is refused: $name", ({ hex, code }) => {
    expect(codeOf(() => decodeDialHeader(fromHex(hex)))).toBe(code);
  });
});

describe("a record", () => {
  const records = vectors.record.map((vector) => {
    const { incarnation, ...says } = vector.says;
    return { ...vector, record: { ...(withBytes(says) as Omit<StoredRecord, "incarnation">), incarnation: BigInt(incarnation) } };
  });

  it.each(records)("is read and written: $name", ({ hex, record }) => {
    expect(decodeRecord(fromHex(hex))).toEqual(record);
    expect(toHex(encodeRecord(record))).toBe(hex);
  });

  it("counts in a digest with its hash", () => {
    const store = new RecordStore({ self: idOf(9), incarnation: 1n });
    const halves = (hex: string): number[] => [Number.parseInt(hex.slice(0, 8), 16), Number.parseInt(hex.slice(8), 16)];
    let [hi, lo] = [0, 0];
    for (const { record, hash } of records.slice(0, 2)) {
      store.merge(record);
      store.advertise(record.origin, true);
      const [high = 0, low = 0] = halves(hash);
      [hi, lo] = [(hi ^ high) >>> 0, (lo ^ low) >>> 0];
      expect(store.digest).toEqual({ hi, lo, count: expect.any(Number) as number });
    }
    const digest = withBytes(find(vectors.control, "digest of a store that holds those two").says) as { h: Uint8Array; n: number };
    expect([halves(toHex(digest.h)), digest.n]).toEqual([[hi, lo], store.digest.count]);
  });

  it("of services lists them as they were bound", () => {
    const { record } = find(records, "two services");
    const store = new RecordStore({ self: idOf(9), incarnation: 1n });
    const directory = new ServiceDirectory({ store, reachability: { cost: () => 1, subscribe: () => () => undefined } });
    store.merge(record);
    expect(directory.services()).toMatchObject([{ name: "web", env: "", id: record.origin, port: 80, weight: 100, tags: {} }]);
    // The other one is hidden: dialled, and not listed.
    expect(directory.providers("kv", "prod.eu")).toMatchObject([{ name: "kv", env: "prod.eu", port: 0x8000_0000, weight: 7, tags: { zone: "a" } }]);
  });
});

/** What follows the other end's preamble, which is handed over when it is there. */
class AfterPreamble implements Connection {
  readonly localAddress = "";
  readonly remoteAddress = "";
  readonly #connection: Connection;
  readonly #onpreamble: (preamble: Preamble) => void;

  constructor(connection: Connection, onpreamble: (preamble: Preamble) => void) {
    this.#connection = connection;
    this.#onpreamble = onpreamble;
  }

  start(sink: ConnectionSink): void {
    let first: Uint8Array | undefined = new Uint8Array(0);
    this.#connection.start({
      data: (chunk) => {
        if (first === undefined) {
          sink.data(chunk);
          return;
        }
        const bytes: Uint8Array = Uint8Array.of(...first, ...chunk);
        first = bytes;
        if (bytes.length < preambleBytes) return;
        first = undefined;
        this.#onpreamble(decodePreamble(bytes)!);
        if (bytes.length > preambleBytes) sink.data(bytes.subarray(preambleBytes));
      },
      drain: () => sink.drain(),
      closed: (reason) => sink.closed(reason),
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.#connection.send(chunks);
  }

  close(): void {
    this.#connection.close();
  }

  abort(reason?: unknown): void {
    this.#connection.abort(reason);
  }
}

/** The messages that come on a control stream. */
async function* messages(stream: Stream): AsyncGenerator<ControlMessage, undefined> {
  const reader = new ControlReader();
  for await (const chunk of stream) yield* reader.push(chunk);
  return undefined;
}

describe("whoever speaks a mux session and sends these very bytes", () => {
  it("is linked, dials and is told of services", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const node = net.node(1);
    const listener = node.router.bind({ port: 80 });
    node.directory.publish({ name: "web", port: 80 });
    const [here, there] = net.pipe();
    const link = node.router.attach(here, { initiator: false });
    let theirs: Preamble | undefined;
    there.send([fromHex("4153545201020001ff00000000000000")]);
    const session = new Session(new AfterPreamble(there, (preamble) => (theirs = preamble)), { role: "client", clock: net.clock, keepAlive: false });
    const control = session.open({ type: 1, urgency: 0 });
    void control.write(fromHex(find(vectors.hello, "of a dialler").hex));
    const incoming = messages(control);
    const helloComing = incoming.next();
    await net.clock.advance(50);
    expect(theirs).toMatchObject({ version: 1, mode: "local", role: "acceptor" });
    expect(parseHello((await helloComing).value!)).toMatchObject({ id: node.id, protoMin: 1, protoMax: 1, dialled: "" });
    expect(link.state).toBe("handshake");
    void control.write(fromHex(find(vectors.control, "ready").hex));
    const accepting = listener.accept();
    const dial = session.open({ type: 3, header: fromHex(find(vectors.dial, "of a port").hex) });
    const recordsComing = incoming.next();
    await net.clock.advance(50);
    expect(link).toMatchObject({ state: "up", peer: "b000000000000002" });
    const conn = await accepting;
    expect(conn).toMatchObject({ localAddress: { id: node.id, port: 80 }, remoteAddress: { id: "b000000000000002", port: 0x8000_0001 } });
    await dial.opened;
    const told = (await recordsComing).value!;
    expect(told.t).toBe("records");
    const records = told["r"] as Uint8Array;
    expect(decodeRecord(records.subarray(0, 25 + ((records[23]! << 8) | records[24]!)))).toMatchObject({ origin: node.id });
    conn.reset();
    void control.end();
    await net.clock.advance(50);
    await link.closed;
    await session.closed;
  });

  it("and then what is not understood is told why, and that it need not come again", async () => {
    const net = new TestNetwork({ latencyMs: 5 });
    const node = net.node(1);
    const [here, there] = net.pipe();
    const link = node.router.attach(here, { initiator: false });
    there.send([fromHex("4153545201020001ff00000000000000")]);
    const session = new Session(new AfterPreamble(there, () => undefined), { role: "client", clock: net.clock, keepAlive: false });
    const control = session.open({ type: 1, urgency: 0 });
    void control.write(fromHex(find(vectors.helloRefused, "versions 2 to 3 only").hex));
    const coming = messages(control).next();
    await net.clock.advance(300);
    expect(refusalError((await coming).value!)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE", retryable: false });
    expect(link.state).toBe("closed");
  });
});
