import { Flag } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { bytes, data, fin, opening, ping, rst, started, syn, told } from "./support/frames.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { codeOf } from "./support/session-pair.ts";
import { withinTick } from "./support/within-tick.ts";

const update = (streamId: number, urgency: number): Frame => ({ type: "OPEN", streamId, update: true, urgency, header: "" });

describe("an urgency of the peer's", () => {
  it("for a stream that is over changes nothing", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), rst(1, 6));
    expect(await peer.say(update(1, 2), ping(1))).toEqual([ping(1, true)]);
    const stream = peer.session.open();
    await peer.listen();
    stream.reset();
    expect(told(await peer.say(update(2, 2)))).toEqual([rst(2, 6)]);
    expect(await codeOf(peer.session.closed)).toBe("pending");
  });

  it("for a stream that never was breaks a rule", async () => {
    const peer = await started({ role: "server" });
    expect(told(await peer.say(update(1, 2)))).toMatchObject([{ type: "GOAWAY", code: 1 }]);
  });
});

describe("a header", () => {
  it("keeps nothing else of what the connection delivered", async () => {
    const peer = await started({ role: "server" });
    await peer.say(opening(1, 3, "to whom"), syn(1, 10_000));
    const { header } = await peer.session.accept();
    expect(header).toEqual(bytes("to whom"));
    expect(header.buffer.byteLength).toBe(7);
  });

  it("that is too long for a peer without SETTINGS holds nobody up once its stream was reset", async () => {
    const peer = new RawPeer({ role: "client" });
    const [large, small] = [peer.session.open({ header: new Uint8Array(3_000) }), peer.session.open()];
    expect(told(await peer.listen())).toEqual([]);
    large.reset();
    void small.write(bytes("x"));
    expect(told(await peer.listen())).toEqual([syn(3, "x")]);
  });
});

describe("credit", () => {
  it("that is due when the FIN comes is not returned: there is nothing to return it for", async () => {
    const { connection, stream, rest } = await withinTick();
    connection.give(data(1, 65_536), data(1, 65_536));
    while (stream.tryRead() instanceof Uint8Array);
    connection.give(fin(1));
    expect(await rest()).toEqual([]);
  });
});

describe("an RST after the peer's FIN", () => {
  it("that meets our abort of writing leaves nothing to say", async () => {
    const { connection, session, stream, rest } = await withinTick();
    connection.give(fin(1));
    await stream.writable.abort();
    connection.give(rst(1, 6));
    expect(session.streamCount).toBe(0);
    expect(await rest()).toEqual([]);
  });
});

describe("a sink", () => {
  it("that resets its stream within the frame that ends it hears of no end", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    const heard: string[] = [];
    stream.attach({
      data: () => {
        heard.push("data");
        stream.reset();
      },
      end: () => heard.push("end"),
      reset: ({ code }) => heard.push(code),
    });
    await peer.say(fin(1, "last"));
    expect(heard).toEqual(["data", "ECONNRESET"]);
  });

  it("whose stream breaks while it waits to write is told that, and nothing after it", async () => {
    const { connection, session, stream, rest } = await withinTick();
    const heard: string[] = [];
    stream.attach({ data: () => undefined, end: () => heard.push("end"), ready: () => heard.push("ready"), reset: ({ code }) => heard.push(code) });
    void stream.write(new Uint8Array(65_537));
    await rest();
    expect(stream.tryWrite(bytes("x"))).toBe(false);
    connection.give(rst(1, 7));
    void session.ping();
    await rest();
    expect(heard).toEqual(["ECONNRESET"]);
  });
});

describe("data of a stream that was not accepted in words", () => {
  it("accepts it, with manualAccept: it cannot be refused any more, and accept() says nothing", async () => {
    const peer = await started({ role: "server", manualAccept: true });
    await peer.say(syn(1));
    const stream = await peer.session.accept();
    void stream.write(bytes("x"));
    expect(told(await peer.listen())).toEqual([data(1, "x")]);
    expect(() => {
      stream.refuse();
    }).toThrow("ERR_ASTRANET_INVALID_STATE");
    stream.accept(bytes("too late"));
    expect(told(await peer.listen())).toEqual([]);
  });

  it("earns a reset as an accept does", async () => {
    const peer = await started({ role: "server", manualAccept: true, resetBurst: 1, resetsPerSecond: 0 });
    await peer.say(syn(1), rst(1, 6), syn(3));
    await peer.session.accept().then((stream) => stream.write(bytes("x")));
    await peer.say(syn(5), rst(5, 6));
    expect(await codeOf(peer.session.closed)).toBe("pending");
    await peer.say(syn(7), rst(7, 6));
    expect(await codeOf(peer.session.closed)).toBe("ERR_ASTRANET_PROTOCOL");
  });
});

describe("an RST of the peer's half", () => {
  it("breaks that half alone, and one without the flag both", async () => {
    const peer = await started({ role: "server" });
    await peer.say(syn(1), syn(3));
    const [half, whole] = [await peer.session.accept(), await peer.session.accept()];
    await peer.listen();
    await peer.say(rst(1, 7, Flag.HALF), rst(3, 7));
    expect([await codeOf(half.read()), await codeOf(half.write(bytes("on")))]).toEqual(["ECONNRESET", "resolved"]);
    expect([await codeOf(whole.read()), await codeOf(whole.write(bytes("on")))]).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(told(await peer.listen())).toEqual([data(1, "on")]);
  });
});

describe("a refusal", () => {
  it("is said once", async () => {
    const peer = await started({ role: "server", acceptBacklog: 0 });
    expect(told(await peer.say(syn(1)))).toEqual([rst(1, 9)]);
    expect(told(await peer.say(syn(3), syn(5)))).toEqual([rst(3, 9), rst(5, 9)]);
    expect(await peer.say(ping(1))).toEqual([ping(1, true)]);
  });
});
