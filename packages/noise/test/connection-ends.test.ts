import { secure } from "@astranet/noise";
import { AstraError, memoryPair, systemClock, type Connection, type ConnectionSink } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { defaultCrypto } from "../src/crypto/default-crypto.ts";
import type { CryptoProvider } from "../src/crypto/provider.ts";
import { provider as noble } from "../src/noble/noble-crypto.ts";
import { text } from "./support/hex.ts";
import { optionsOf, securePair } from "./support/secure-pair.ts";
import { VirtualClock } from "./support/virtual-clock.ts";
import { framed, listen, tapped } from "./support/wire.ts";

/** The methods of a connection, to be replaced one by one. */
function forward(connection: Connection): Connection {
  return {
    localAddress: connection.localAddress,
    remoteAddress: connection.remoteAddress,
    start: (sink) => connection.start(sink),
    send: (chunks) => connection.send(chunks),
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}

/** Lets what is on its way in memory arrive. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await new Promise<void>((resolve) => systemClock.defer(resolve));
}

/** Primitives whose ciphers seal nothing more once they are told so. */
function wornOut(): { crypto: CryptoProvider; error: AstraError; wear(): void } {
  let worn = false;
  const error = new AstraError("ERR_ASTRANET_INVALID_STATE", "used up");
  const crypto: CryptoProvider = {
    ...defaultCrypto,
    aeadKey: (suite, bytes) => {
      const key = defaultCrypto.aeadKey(suite, bytes);
      return {
        seal: (...sealed) => {
          if (worn) throw error;
          return key.seal(...sealed);
        },
        open: (...opened) => key.open(...opened),
        destroy: () => key.destroy(),
      };
    },
  };
  return { crypto, error, wear: () => (worn = true) };
}

describe("an encrypted connection", () => {
  it("has the addresses of the one underneath", async () => {
    const [here, there] = memoryPair();
    const named = { ...forward(here), localAddress: "here", remoteAddress: "there" };
    const [a, b] = await securePair({}, [named, there]);
    expect([a.localAddress, a.remoteAddress]).toEqual(["here", "there"]);
    a.abort();
    b.abort();
  });

  it("waits for the other end's end by its own clock", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair();
    const [a, b] = await securePair({ initiator: { clock } }, [{ ...forward(here), close: () => undefined }, there]);
    const heard = listen(a);
    a.close();
    expect(clock.timers).toBe(1);
    clock.advance(5000);
    expect(await heard.closed).toMatchObject({ code: "ETIMEDOUT" });
    b.abort();
  });

  it("sends nothing for nothing", async () => {
    const [here, there] = memoryPair();
    let sends = 0;
    const [a, b] = await securePair({}, [{ ...forward(here), send: (chunks) => ((sends += 1), here.send(chunks)) }, there]);
    sends = 0;
    expect([a.send([]), a.send([new Uint8Array(0)]), sends]).toEqual([true, true, 0]);
    a.send([text("x")]);
    expect(sends).toBe(1);
    a.abort();
    b.abort();
  });

  it("whose cipher fails ends with that error, when it is sent on and when it is closed", async () => {
    for (const act of ["send", "close"] as const) {
      const { crypto, error, wear } = wornOut();
      const [a, b] = await securePair({ initiator: { crypto } });
      const heard = [listen(a), listen(b)] as const;
      wear();
      if (act === "send") expect(a.send([text("x")])).toBe(true);
      else a.close();
      expect(await heard[0].closed).toBe(error);
      expect(await heard[1].closed).toMatchObject({ code: "ECONNRESET" });
    }
  });

  it("ends with what the one underneath ended with, before it is started and after", async () => {
    for (const started of [true, false]) {
      const [here, there] = memoryPair();
      const [a, b] = await securePair({}, [here, there]);
      const early = started ? listen(a) : undefined;
      const reason = new Error("the cable");
      here.abort(reason);
      await turns();
      expect(await (early ?? listen(a)).closed).toBe(reason);
      b.abort();
    }
  });

  it("delivers nothing empty, whatever the primitives give", async () => {
    for (const crypto of [noble, defaultCrypto]) {
      const [a, b] = await securePair({ both: { crypto } });
      const heard = [listen(a), listen(b)] as const;
      a.send([new Uint8Array(0), text("x"), new Uint8Array(0)]);
      a.close();
      await Promise.all(heard.map(({ closed }) => closed));
      expect(heard.map(({ chunks }) => chunks.map(({ length }) => length))).toEqual([[], [1]]);
    }
  });

  it("that is aborted while it delivers a record in pieces delivers no more of it", async () => {
    const [here, there] = memoryPair();
    const cutting = (sink: ConnectionSink): ConnectionSink => ({
      data: (chunk) => {
        for (let at = 0; at < chunk.length; at += 8_000) sink.data(chunk.slice(at, at + 8_000));
      },
      drain: () => sink.drain(),
      closed: (reason) => sink.closed(reason),
    });
    const [a, b] = await securePair({}, [here, { ...forward(there), start: (sink) => there.start(cutting(sink)) }]);
    listen(a);
    let pieces = 0;
    const closed = new Promise((resolve) => {
      b.start({
        data: () => {
          pieces += 1;
          b.abort();
        },
        drain: () => undefined,
        closed: resolve,
      });
    });
    a.send([new Uint8Array(20_000)]);
    await closed;
    await turns();
    expect(pieces).toBe(1);
  });

  it("takes a first record that is too short for one for what it is, at the initiator's end too", async () => {
    for (const bytes of [2, 5, 15]) {
      const { initiator, responder, middle } = tapped();
      const [a, b] = await securePair({}, [initiator, responder]);
      const heard = listen(a);
      middle.toInitiator = () => [framed(new Uint8Array(bytes))];
      b.send([text("x")]);
      expect(await heard.closed).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(`${bytes} bytes is shorter than its tag`) as string });
      b.abort();
    }
  });
});

describe("what comes before an encrypted connection is started", () => {
  it("is delivered when it is, though nothing follows", async () => {
    const [a, b] = await securePair();
    listen(a);
    a.send([text("early")]);
    await turns();
    const heard = listen(b);
    await heard.bytes(5);
    expect(heard.text()).toBe("early");
    a.abort();
  });

  it("is delivered when it is, and then the end that followed it", async () => {
    const [a, b] = await securePair();
    const heardA = listen(a);
    a.send([text("early")]);
    a.close();
    await turns();
    const heardB = listen(b);
    expect([await heardB.closed, heardB.text()]).toEqual([undefined, "early"]);
    expect(await heardA.closed).toMatchObject({ code: "ECONNRESET" });
  });

  it("may be as much as was said, to the byte", async () => {
    // A record has a length of 2 bytes and a tag of 16.
    for (const [length, fits] of [[35_500, true], [35_501, false]] as const) {
      const [a, b] = await securePair({ responder: { maxUnstartedBytes: 65_536 } });
      listen(a);
      for (const each of [30_000, length]) a.send([new Uint8Array(each)]);
      await turns();
      const heard = listen(b);
      if (fits) await heard.bytes(65_500);
      else expect(await heard.closed).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
      a.abort();
      b.abort();
    }
  });
});

describe("the timer of a handshake", () => {
  it("keeps the process alive", async () => {
    class NotingClock extends VirtualClock {
      readonly kept: unknown[] = [];
      override setTimer(delayMs: number, callback: () => void, options?: { keepAlive?: boolean }): { cancel(): void } {
        this.kept.push(options?.keepAlive);
        return super.setTimer(delayMs, callback);
      }
    }
    const clock = new NotingClock();
    const [first, second] = optionsOf({ both: { clock } });
    const [here, there] = memoryPair();
    const ends = await Promise.all([secure(here, first), secure(there, second)]);
    expect(clock.kept).toEqual([true, true]);
    for (const end of ends) end.abort();
  });
});
