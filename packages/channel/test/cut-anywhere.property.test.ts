import { Channels, type Receiver } from "@astranet/channel";
import { Encoder, ExtData } from "@msgpack/msgpack";
import { Session } from "@astranet/mux";
import { memoryPair } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../router/test/support/virtual-clock.ts";
import { begin, bytes, message, preface } from "./support/peer.ts";

const encoder = new Encoder();

/** Bytes of random values are not worth their time: only their length and their place matter. */
const payload = (length: number, n: number): Uint8Array => new Uint8Array(length).fill(n);
const length = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 300 }), fc.constantFrom(127, 128, 16_384, 32_768, 100_000, 400_000));
/** Where a stream is cut, as parts of what is left of it; 1 of a million is a byte. */
const cuts = fc.array(fc.oneof(fc.constant(1), fc.nat({ max: 1_000_000 })), { maxLength: 30 });

describe("a channel's bytes", () => {
  it("are the same messages wherever they are cut, and all of them are paid for in the end, whenever they are received", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ length, withEnd: fc.boolean() }), { minLength: 1, maxLength: 8 }), cuts, fc.boolean(), async (messages, places, isEager) => {
        const { channels, open, clock } = begin({ maxPartialBytes: 1_000_000 });
        const received: [number, boolean, unknown, unknown][] = [];
        const receive = async (): Promise<void> => {
          for await (const [body, inner] of await channels.accept<[Uint8Array, Receiver?]>()) {
            const n = received.length;
            received.push([body.length, body.every((byte) => byte === n), await inner?.receive(), (await inner?.next())?.done]);
          }
        };
        const early = isEager ? receive() : undefined;
        const ends: number[] = [];
        const openNext = (): unknown => ends.length > 0 && open(ends.pop()!, message(encoder.encode("inner"))).end();
        let left = bytes(
          preface,
          ...messages.map((each, n) => {
            if (!each.withEnd) return message(encoder.encode([payload(each.length, n)]));
            ends.push(n + 1);
            return message(encoder.encode([payload(each.length, n), new ExtData(65, Uint8Array.of(0))]), [2, n + 1]);
          }),
        );
        const stream = open();
        for (const place of places) {
          const piece = left.subarray(0, Math.max(1, Math.floor((left.length * place) / 1_000_000)));
          left = left.subarray(piece.length);
          void stream.write(piece);
          if (place % 2 === 1) await clock.settle();
          if (place % 3 === 0) openNext();
        }
        void stream.end(left);
        await clock.advance(100);
        while (ends.length > 0) openNext();
        await clock.advance(100);
        const done = early ?? receive();
        await clock.advance(1000);
        await done;
        expect(received).toEqual(messages.map((each) => [each.length, true, ...(each.withEnd ? ["inner", true] : [undefined, undefined])]));
        await clock.settle();
        expect([channels.session.stats().unreadBytes, channels.session.stats().streams, stream.writableLength]).toEqual([0, 0, 0]);
      }),
      { numRuns: 60 },
    );
  });

  it("are read as well where they lay in several chunks before there were Channels", async () => {
    const clock = new VirtualClock();
    const [here, there] = memoryPair({ clock });
    const [raw, session] = [new Session(there, { role: "client", clock, keepAlive: false }), new Session(here, { role: "server", clock, keepAlive: false })];
    const outer = raw.open();
    const inner = raw.open();
    // 300.
    const number = Uint8Array.of(0xac, 2);
    const packed = encoder.encode(["x", new ExtData(65, Uint8Array.of(0))]);
    for (const byte of bytes(preface, 4 + packed.length, 1, 2, number, packed)) {
      void outer.write(Uint8Array.of(byte));
      await clock.settle();
    }
    for (const byte of bytes(number, message(encoder.encode("inner")))) {
      void inner.write(Uint8Array.of(byte));
      await clock.settle();
    }
    const channels = new Channels(session, { clock });
    await clock.settle();
    const received = await (await channels.accept<[string, Receiver]>()).receive();
    expect([received[0], await received[1].receive()]).toEqual(["x", "inner"]);
    expect(session.stats().unreadBytes).toBe(0);
  });
});
