import { WireCode } from "@astranet/frame";
import { detect, muxado, Session } from "@astranet/mux";
import type { Transport } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { toHex } from "../../frame/test/support/hex.ts";
import { bytes, goAway, link, only, settings, started } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { outcome, SessionPair, thrown } from "./support/session-pair.ts";

/** An error of ours with these words in it. */
function saying(code: string, words: string, more: Record<string, unknown> = {}): unknown {
  return expect.objectContaining({ code, message: expect.stringContaining(words) as string, ...more });
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return (await outcome(promise))[1];
}

describe("open() says in words", () => {
  it("that the session is over, retryable, and why", async () => {
    const pair = new SessionPair();
    pair.client.abort(new Error("enough"));
    const aborted = await reasonOf(pair.client.closed);
    expect(thrown(() => pair.client.open())).toEqual(saying("ERR_ASTRANET_SESSION_CLOSED", "the session is closed", { retryable: true, cause: aborted }));
    expect(aborted).toEqual(saying("ERR_ASTRANET_SESSION_CLOSED", "aborted here"));
  });

  it("that the peer takes no new streams, retryable", async () => {
    const peer = await started({ role: "client" });
    peer.session.open();
    await peer.listen();
    await peer.say(goAway(1));
    expect(thrown(() => peer.session.open())).toEqual(saying("ERR_ASTRANET_SESSION_DRAINING", "the peer takes no new streams", { retryable: true }));
  });

  it("how many wait to be opened already, retryable", () => {
    const session = new Session(new HeldConnection(), { role: "client", clock: new ManualClock(), maxPendingOpens: 2 });
    session.open();
    session.open();
    expect(thrown(() => session.open())).toEqual(saying("ERR_ASTRANET_STREAM_LIMIT", "2 streams wait to be opened already", { retryable: true }));
  });

  it("which types and headers there are, to the last one", async () => {
    const peer = await started({ role: "client", maxHeader: 2_000 }, { maxHeader: 1_500 });
    for (const type of [0, 0xffff_ffff]) expect(peer.session.open({ type }).type).toBe(type);
    for (const type of [-1, 2 ** 32]) expect(thrown(() => peer.session.open({ type }))).toEqual(saying("EINVAL", `from 0 to 2^32 − 1, not ${type}`));
    expect(peer.session.open({ header: new Uint8Array(1_500) }).header.length).toBe(1_500);
    expect(thrown(() => peer.session.open({ header: new Uint8Array(1_501) }))).toEqual(saying("EINVAL", "1501 bytes, at most 1500 are allowed"));
  });

  it("how long the peer's headers are, where they were not known yet", async () => {
    const peer = new RawPeer({ role: "client", maxHeader: 3_000 });
    const stream = peer.session.open({ header: new Uint8Array(2_000) });
    await peer.say(settings({ maxHeader: 1_500 }));
    expect(await reasonOf(stream.opened)).toEqual(saying("EINVAL", "2000 bytes, the peer takes 1500"));
  });
});

describe("a session's other calls say in words", () => {
  it("that it is over", async () => {
    const pair = new SessionPair();
    const closed = pair.client.close();
    await pair.settle();
    await closed;
    expect(await reasonOf(pair.client.accept())).toEqual(saying("ERR_ASTRANET_SESSION_CLOSED", "the session is closed"));
    expect(await reasonOf(pair.client.ping())).toEqual(saying("ERR_ASTRANET_SESSION_CLOSED", "the session is closed"));
  });

  it("who gets the streams, and that the wire has no ping", async () => {
    const pair = new SessionPair({ both: { onstream: () => undefined } });
    expect(await reasonOf(pair.client.accept())).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "go to onstream"));
    const session = new Session(new HeldConnection(), { role: "client", wire: muxado(), clock: new ManualClock() });
    expect(await reasonOf(session.ping())).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "no ping without typedStreams"));
  });

  it("which codes and debug texts a GOAWAY has, to the last byte", async () => {
    const peer = await started({ role: "client" });
    const { session } = peer;
    for (const code of [-1, 1.5, 2 ** 32]) expect(thrown(() => {
      session.goAway(code);
    })).toEqual(saying("EINVAL", `from 0 to 2^32 − 1, not ${code}`));
    for (const debug of ["x".repeat(65_537), "é".repeat(32_769)]) expect(thrown(() => {
      session.goAway(300, debug);
    })).toEqual(saying("EINVAL", `${debug.length} characters, at most 65536 bytes`));
    expect(await peer.listen()).toEqual([]);
    session.goAway(0xffff_ffff, "é".repeat(32_768));
    const [said] = only(await peer.listen(), "GOAWAY");
    expect([said?.code, said?.debug.length]).toEqual([0xffff_ffff, 2 * 65_536]);
  });

  it("of dial what a transport is", async () => {
    for (const [wrong, word] of [[undefined, "undefined"], [null, "null"], ["tcp", "a string"], [{}, "Object"]] as const)
      expect(await reasonOf(Session.dial(wrong as unknown as Transport, "memory", "here"))).toEqual(saying("EINVAL", `a transport is an object with dial, not ${word === "Object" ? "an object of class Object" : word}`));
  });

  it("of the constructor what the options are", () => {
    const make = (options: unknown): unknown => thrown(() => new Session(new HeldConnection(), options as never));
    for (const [wrong, word] of [[undefined, "undefined"], [null, "null"], ["client", "a string"], [5, "5"]] as const)
      expect(make(wrong)).toEqual(saying("EINVAL", `an object with a role, not ${word}`));
    expect(make({ role: "client", keepAlive: null })).toEqual(saying("EINVAL", "keepAlive must be false or an object with idleTimeoutMs, not null"));
    expect(make({ role: "client", wire: detect() })).toEqual(saying("EINVAL", "is for servers"));
  });
});

describe("the end of a session tells both sides in words", () => {
  it.each([
    ["a second GOAWAY raises the last id", [goAway(1), goAway(3)]],
    ["LINK acknowledges bytes that were never sent", [link(1_000, 2 ** 30)]],
    ["LINK takes credit back", [link(0, 2 ** 30), link(0, 2 ** 30 - 1)]],
    ["LINK takes its acknowledgement back", [link(8, 2 ** 30), link(7, 2 ** 30)]],
  ])("%s", async (words, frames) => {
    const peer = await started({ role: "client" });
    peer.session.open();
    await peer.listen();
    expect(only(await peer.say(...frames), "GOAWAY")).toMatchObject([{ code: WireCode.PROTOCOL, debug: toHex(bytes(words)) }]);
    expect(await reasonOf(peer.session.closed)).toEqual(saying("ERR_ASTRANET_PROTOCOL", words));
  });

  it("a LINK that says the same again is none", async () => {
    const peer = await started({ role: "client" });
    expect(await peer.say(link(0, 2 ** 30), link(0, 2 ** 30))).toEqual([]);
    expect(await outcome(peer.session.closed)).toEqual(["pending"]);
  });

  it("too many streams were reset before they were accepted", async () => {
    const peer = await started({ role: "server", resetBurst: 1 });
    await peer.say({ type: "DATA", streamId: 1, flags: 2, payload: "" }, { type: "RST", streamId: 1, code: 6, flags: 0 }, { type: "DATA", streamId: 3, flags: 2, payload: "" }, { type: "RST", streamId: 3, code: 6, flags: 0 });
    expect(await reasonOf(peer.session.closed)).toEqual(saying("ERR_ASTRANET_PROTOCOL", "too many streams were reset before they were accepted"));
  });

  it("how long the peer was silent", async () => {
    const peer = await started({ role: "client", keepAlive: { idleTimeoutMs: 900 } });
    await peer.clock.advance(1_000);
    expect(await reasonOf(peer.session.closed)).toEqual(saying("ETIMEDOUT", "nothing came from the peer for 900 ms"));
  });

  it("an error that is not the peer's is INTERNAL for it, and surfaces where the bytes came from", async () => {
    class Broken extends ManualClock {
      broken: Error | undefined;

      override defer(callback: () => void): void {
        if (this.broken !== undefined) throw this.broken;
        super.defer(callback);
      }
    }
    const clock = new Broken();
    const connection = new HeldConnection();
    const session = new Session(connection, { role: "client", clock });
    connection.give(settings());
    await clock.settle();
    const broken = (clock.broken = new Error("no more turns"));
    expect(thrown(() => {
      connection.give({ type: "PING", ack: false, opaque: "0000000000000001" });
    })).toBe(broken);
    expect(only(connection.frames, "GOAWAY")).toMatchObject([{ code: WireCode.INTERNAL, debug: toHex(bytes("an internal error")) }]);
    expect(await reasonOf(session.closed)).toEqual(saying("ERR_ASTRANET_PROTOCOL", "an internal error"));
  });
});
