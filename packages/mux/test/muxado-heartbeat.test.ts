import { afterEach, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../frame/test/support/hex.ts";
import { credit, data, dataLength, expectMuxadoManners, fin, muxado, payloadOf, rst, SYN, syn, WINDOW } from "./support/muxado.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const BEAT = "ffffffff";

const peers: RawPeer[] = [];
function peer(...[role, options]: Parameters<typeof muxado>): RawPeer {
  const made = muxado(role, { typedStreams: true, ...options });
  peers.push(made);
  return made;
}
afterEach(() => {
  for (const { frames } of peers.splice(0)) expectMuxadoManners(frames);
});

/** A random source that gives 00000001, 00000002, … */
function counting(): (length: number) => Uint8Array {
  let count = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    bytes[length - 1] = ++count;
    return bytes;
  };
}

describe("the peer's heartbeats", () => {
  it("are answered by the same four bytes, and the application hears nothing of them", async () => {
    const p = peer("server");
    let handed = 0;
    void p.session.accept().then(() => handed++);
    expect(payloadOf(await p.say(syn(3, BEAT), data(3, "47e5ea8c")), 3)).toBe("47e5ea8c");
    expect(payloadOf(await p.say(data(3, "68"), data(3, "2f68b2")), 3)).toBe("682f68b2");
    expect(handed).toBe(0);
  });

  it("may come with the SYN, in one frame or with the type in pieces", async () => {
    const p = peer("server");
    expect(payloadOf(await p.say(syn(3, `${BEAT}01020304`), syn(5, "ff"), data(5, "ffff"), data(5, "ff0a0b0c0d")), 3)).toBe("01020304");
    expect(payloadOf(p.frames, 5)).toBe("0a0b0c0d");
  });

  it("end when the peer ends them", async () => {
    const p = peer("server");
    expect(await p.say(syn(3, BEAT), fin(3))).toEqual([fin(3)]);
    expect(p.session.streamCount).toBe(0);
  });

  it("go on after close(), until the streams are done", async () => {
    const p = peer("server");
    await p.say(syn(3, BEAT), syn(5, "00000001"));
    await p.session.accept();
    void p.session.close();
    expect(payloadOf(await p.say(data(3, "01020304")), 3)).toBe("01020304");
  });

  it("do not keep a session open that has no other stream", async () => {
    const p = peer("server");
    await p.say(syn(3, BEAT), data(3, "01020304"));
    const closed = p.session.close();
    const said = await p.listen();
    expect(said.at(-1)).toMatchObject({ type: "GOAWAY", code: 0 });
    await p.end();
    await closed;
    expect(await p.session.closed).toMatchObject({ code: 0 });
  });

  it("are not answered without bound: who sends them and takes no answer is reset", async () => {
    const p = peer("server");
    await p.say(syn(3, BEAT));
    let said = 0;
    for (let round = 0; round < 5_000 && p.session.streamCount > 0; round++) {
      said += dataLength(await p.say(data(3, "01".repeat(64))), 3);
      expect(p.session.stats().queuedBytes).toBeLessThanOrEqual(64);
    }
    expect(said).toBe(WINDOW);
    expect(p.frames.at(-1)).toEqual(rst(3, 6));
    expect(p.over).toBeUndefined();
  });
});

describe("our heartbeats", () => {
  it("are ping(): a typed stream, four random bytes, and their echo is the round trip", async () => {
    const p = peer("client", { random: counting() });
    const rtt = p.session.ping();
    const said = await p.listen();
    expect(said[0]).toMatchObject({ type: "DATA", streamId: 3, flags: SYN });
    expect(payloadOf(said, 3)).toBe(`${BEAT}00000001`);
    await p.clock.advance(30);
    await p.say(credit(3, 8), data(3, "0000"), data(3, "0001"));
    expect(await rtt).toBe(30);
    expect(p.session.rttMs).toBe(30);
  });

  it("use one stream", async () => {
    const p = peer("client", { random: counting() });
    for (let beat = 1; beat <= 3; beat++) {
      const rtt = p.session.ping();
      const hex = beat.toString(16).padStart(8, "0");
      const said = await p.listen();
      expect(payloadOf(said, 3)).toBe(beat === 1 ? BEAT + hex : hex);
      await p.say(data(3, hex));
      expect(await rtt).toBe(0);
    }
  });

  it("are not answered by other bytes", async () => {
    const p = peer("client", { random: counting() });
    let answered = false;
    void p.session.ping().then(() => (answered = true));
    await p.listen();
    await p.say(data(3, "00000002"));
    expect(answered).toBe(false);
    await p.say(data(3, "00000001"));
    expect(answered).toBe(true);
  });

  it("are keep-alive: sent after a third of the idle timeout, and no answer is the end", async () => {
    const p = peer("client", { random: counting(), keepAlive: { idleTimeoutMs: 300 } });
    await p.listen();
    await p.clock.advance(99);
    expect(await p.listen()).toEqual([]);
    await p.clock.advance(2);
    expect(payloadOf(await p.listen(), 3)).toBe(`${BEAT}00000001`);
    await p.say(data(3, "00000001"));
    await p.clock.advance(101);
    expect(payloadOf(await p.listen(), 3)).toBe("00000002");
    await p.clock.advance(330);
    await expect(p.session.closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(p.over).toBeDefined();
  });

  it("find another stream when the peer resets theirs", async () => {
    const p = peer("client", { random: counting() });
    const first = p.session.ping();
    await p.listen();
    await p.say(data(3, "00000001"));
    await first;
    await p.say(rst(3, 6));
    const second = p.session.ping();
    const [beat] = await p.listen();
    expect(beat).toMatchObject({ type: "DATA", streamId: 5, flags: SYN });
    await p.say(data(5, "00000002"));
    expect(await second).toBe(0);
  });

  it("may begin while the session closes, and keep watch on a peer that has gone silent", async () => {
    const p = peer("client", { random: counting(), keepAlive: { idleTimeoutMs: 300 } });
    p.session.open({ type: 1 });
    await p.listen();
    void p.session.close();
    await p.clock.advance(101);
    expect(payloadOf(await p.listen(), 5)).toBe(`${BEAT}00000001`);
    await p.clock.advance(230);
    await expect(p.session.closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
  });

  it("do not hold up the end: a session with nothing but its heartbeat closes at once", async () => {
    const p = peer("client", { random: counting() });
    const ping = p.session.ping();
    await p.listen();
    await p.say(data(3, "00000001"));
    await ping;
    const closed = p.session.close();
    expect((await p.listen()).at(-1)).toMatchObject({ type: "GOAWAY", code: 0 });
    await p.end();
    await closed;
    expect(await p.session.closed).toMatchObject({ code: 0 });
  });

  it("are not sent in an untyped session, where any byte would be the application's", async () => {
    const p = peer("client", { typedStreams: false, keepAlive: { idleTimeoutMs: 300 } });
    await p.listen();
    await p.clock.advance(250);
    expect(p.frames).toEqual([]);
  });
});

it("type FFFFFFFF is a type like any other in an untyped session", async () => {
  const p = peer("server", { typedStreams: false });
  await p.say(syn(3, `${BEAT}01020304`));
  const stream = await p.session.accept();
  expect(toHex((await stream.read())!)).toBe(`${BEAT}01020304`);
  expect(fromHex(BEAT)).toHaveLength(4);
});
