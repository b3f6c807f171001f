import { TokenBucket } from "@astranet/transport";
import type { Stream } from "@astranet/mux";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkQueue } from "../src/stream/chunk-queue.ts";
import { InboundQueue } from "../src/stream/inbound-queue.ts";
import { QUANTUM, Scheduler } from "../src/wire/scheduler.ts";
import { isAfter } from "../src/wire/serial.ts";
import { StreamTable } from "../src/stream/stream-table.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { SessionPair } from "./support/session-pair.ts";

describe("serial numbers", () => {
  const id = fc.nat(0x7fff_ffff);

  it("say of two different ones that exactly one comes after the other, unless they are half the circle apart", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const distance = (a - b) & 0x7fff_ffff;
        if (distance === 0) expect([isAfter(a, b), isAfter(b, a)]).toEqual([false, false]);
        else if (distance !== 0x4000_0000) expect(isAfter(a, b)).toBe(!isAfter(b, a));
      }),
    );
  });

  it("know of each that the next 2^30 − 1 come after it, across the wrap", () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: 0x3fff_ffff }), (a, step) => {
        const later = (a + step) & 0x7fff_ffff;
        expect([isAfter(later, a), isAfter(a, later)]).toEqual([true, false]);
      }),
    );
  });
});

describe("a token bucket", () => {
  it("never gives more than its burst and its rate allow, and never less to who waits", async () => {
    const step = fc.record({ waitMs: fc.nat(2_000), takes: fc.nat(20), gives: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.nat(100), fc.array(step, { maxLength: 30 }), async (burst, perSecond, steps) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket(clock, burst, perSecond);
        let tokens = burst;
        for (const { waitMs, takes, gives } of steps) {
          await clock.advance(waitMs);
          tokens = Math.min(burst, tokens + (waitMs * perSecond) / 1_000);
          for (let i = 0; i < takes; i++) {
            const sure = tokens >= 1 + 1e-6;
            const impossible = tokens < 1 - 1e-6;
            const taken = bucket.tryTake();
            if (sure) expect(taken).toBe(true);
            if (impossible) expect(taken).toBe(false);
            if (taken) tokens -= 1;
          }
          if (takes > 0)
            for (let i = 0; i < gives; i++) {
              bucket.give();
              tokens = Math.min(burst, tokens + 1);
            }
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("a chunk queue", () => {
  type Step = { readonly push: number } | { readonly take: number } | { readonly blank: readonly [number, number] };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 50 }) }) },
    { weight: 1, arbitrary: fc.record({ blank: fc.tuple(fc.nat(5), fc.nat(5)) }) },
  );

  it("gives what was pushed, in order, but for what was blanked, and numbers every chunk", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new ChunkQueue();
        const model: { number: number; bytes: number[] }[] = [];
        let pushed = 0;
        let value = 0;
        for (const one of steps) {
          if ("push" in one) {
            const bytes = Array.from({ length: one.push }, () => value++ & 0xff);
            expect(queue.pushed).toBe(pushed);
            queue.push(Uint8Array.from(bytes));
            model.push({ number: pushed++, bytes });
          } else if ("take" in one) {
            for (let left = one.take; left > 0 && !queue.empty; ) {
              const chunk = queue.first();
              const head = model[0] as { number: number; bytes: number[] };
              expect(queue.shifted).toBe(head.number);
              const taken = Math.min(left, chunk.length - queue.offset);
              expect(Array.from(chunk.subarray(queue.offset, queue.offset + taken))).toEqual(head.bytes.splice(0, taken));
              left -= taken;
              if (queue.offset + taken === chunk.length) {
                queue.shift();
                model.shift();
              } else queue.offset += taken;
            }
          } else {
            // Never a chunk of which bytes are gone.
            const from = queue.shifted + (queue.offset > 0 ? 1 : 0) + one.blank[0];
            const to = Math.min(from + one.blank[1], pushed - 1);
            let bytes = 0;
            for (const item of model) if (item.number >= from && item.number <= to) bytes += item.bytes.splice(0).length;
            expect(queue.blank(from, to)).toBe(bytes);
          }
          expect(queue.empty).toBe(model.length === 0);
        }
      }),
    );
  });
});

describe("an inbound queue", () => {
  type Step = { readonly push: { readonly length: number; readonly buffer: number } } | "shift" | "compact";
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.record({ length: fc.integer({ min: 1, max: 3_000 }), buffer: fc.nat(60_000) }) }) },
    { weight: 2, arbitrary: fc.constant("shift" as const) },
    { weight: 2, arbitrary: fc.constant("compact" as const) },
  );

  it("gives the bytes that came, in order, though the connection's buffers are used again, and retains little more", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const queue = new InboundQueue();
        let expected: number[] = [];
        let value = 0;
        for (const one of [...steps, "compact" as const, ...steps.map(() => "shift" as const)]) {
          if (one === "compact") {
            queue.compact();
            const buffers = new Set<ArrayBufferLike>();
            queue.buffers(buffers);
            let retained = 0;
            for (const { byteLength } of buffers) retained += byteLength;
            // A block that was made for more may have little left in it.
            expect(retained).toBeLessThanOrEqual(4 * expected.length + 16_384);
          } else if (one === "shift") {
            if (queue.empty) continue;
            const chunk = queue.shift();
            expect(Array.from(chunk)).toEqual(expected.slice(0, chunk.length));
            expected = expected.slice(chunk.length);
            // It is the reader's now: what it does to it must not reach what is still queued.
            chunk.fill(0xaa);
          } else {
            const { length, buffer } = one.push;
            const chunk = new Uint8Array(length + buffer).subarray(buffer >> 1, (buffer >> 1) + length);
            for (let i = 0; i < length; i++) expected.push((chunk[i] = value++ & 0xff));
            queue.push(chunk);
          }
          expect(queue.empty).toBe(expected.length === 0);
        }
        expect(expected).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a stream table", () => {
  // The table looks at nothing else.
  const streamOf = (id: number): Stream => ({ id }) as unknown as Stream;

  it("knows exactly the streams that were added and not removed, wherever their ids are", () => {
    const id = fc.oneof(fc.nat(300), fc.nat(0x3fff_ffff), fc.integer({ min: 0x3fff_ff00, max: 0x3fff_ffff })).map((index) => index * 2 + 1);
    fc.assert(
      fc.property(fc.array(fc.record({ id, add: fc.boolean() }), { maxLength: 200 }), (steps) => {
        const table = new StreamTable();
        const model = new Map<number, Stream>();
        for (const one of steps) {
          const known = model.get(one.id);
          expect(table.get(one.id)).toBe(known);
          if (one.add && known === undefined) {
            const stream = streamOf(one.id);
            table.add(stream);
            model.set(one.id, stream);
          } else if (!one.add) {
            expect(table.remove(streamOf(one.id))).toBe(false);
            if (known !== undefined) expect(table.remove(known)).toBe(true);
            model.delete(one.id);
          }
          expect(table.size).toBe(model.size);
        }
        expect(new Set(table.values())).toEqual(new Set(model.values()));
      }),
    );
  });
});

describe("the scheduler", () => {
  interface Sender {
    _state: number;
    _urgency: number;
    _deficit: number;
    _next: Stream | undefined;
    urgency: number;
    writableLength: number;
  }
  const make = (urgency: number, bytes: number): Stream => {
    const sender: Sender = {
      _state: 0,
      _urgency: urgency,
      _deficit: 0,
      _next: undefined,
      get urgency() {
        return this._urgency;
      },
      set urgency(value) {
        this._urgency = value;
      },
      writableLength: bytes,
    };
    return sender as unknown as Stream;
  };
  /** One frame of at most `most` bytes, as the sender does it with several streams active. */
  const send = (scheduler: Scheduler, most: number): { stream: Stream; length: number } | undefined => {
    for (;;) {
      const stream = scheduler.next();
      if (stream === undefined) return undefined;
      const sender = stream as unknown as Sender;
      if (sender.writableLength === 0) {
        scheduler.settle(stream);
        continue;
      }
      if (sender._deficit <= 0) {
        sender._deficit += QUANTUM;
        scheduler.rotate(stream);
        continue;
      }
      const length = Math.min(sender.writableLength, sender._deficit, most);
      sender._deficit -= length;
      sender.writableLength -= length;
      scheduler.backlog -= length;
      return { stream, length };
    }
  };

  it("gives streams of one class that always have bytes the same share, whatever the sizes of their frames", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 1, maxLength: 20 }), (count, sizes) => {
        const scheduler = new Scheduler();
        const sent = new Map(Array.from({ length: count }, () => [make(3, 1e9), 0]));
        for (const stream of sent.keys()) scheduler.add(stream);
        for (let i = 0; i < 2_000; i++) {
          const one = send(scheduler, sizes[i % sizes.length] as number);
          if (one !== undefined) sent.set(one.stream, (sent.get(one.stream) ?? 0) + one.length);
        }
        const shares = [...sent.values()];
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(2 * QUANTUM);
      }),
      { numRuns: 50 },
    );
  });

  it("never sends of a class while a more urgent one has bytes, loses no stream, and keeps count of the backlog", () => {
    const step = fc.oneof(
      fc.record({ add: fc.record({ urgency: fc.nat(7), bytes: fc.integer({ min: 1, max: 100_000 }) }) }),
      fc.record({ more: fc.record({ index: fc.nat(30), bytes: fc.nat(50_000) }) }),
      fc.record({ turn: fc.record({ index: fc.nat(30), urgency: fc.nat(7) }) }),
      fc.record({ send: fc.integer({ min: 1, max: 65_536 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const scheduler = new Scheduler();
        const streams: Stream[] = [];
        for (const one of steps) {
          if ("add" in one) {
            const stream = make(one.add.urgency, one.add.bytes);
            streams.push(stream);
            scheduler.add(stream);
          } else if ("more" in one) {
            const stream = streams[one.more.index % Math.max(1, streams.length)];
            if (stream === undefined) continue;
            const wasIn = scheduler.active;
            (stream as unknown as Sender).writableLength += one.more.bytes;
            scheduler.add(stream);
            // One that was in the lists counts what was added itself.
            if (scheduler.active === wasIn) scheduler.backlog += one.more.bytes;
          } else if ("turn" in one) {
            const stream = streams[one.turn.index % Math.max(1, streams.length)];
            if (stream !== undefined) scheduler.setUrgency(stream, one.turn.urgency);
          } else {
            const waiting = streams.filter((stream) => stream.writableLength > 0);
            const first = Math.min(...waiting.map(({ urgency }) => urgency));
            const sent = send(scheduler, one.send);
            if (waiting.length === 0) expect(sent).toBeUndefined();
            else expect(sent?.stream.urgency).toBe(first);
          }
          expect(scheduler.backlog).toBe(streams.reduce((sum, stream) => sum + stream.writableLength, 0));
        }
        while (send(scheduler, 65_536) !== undefined);
        expect(streams.filter((stream) => stream.writableLength > 0)).toEqual([]);
        expect([scheduler.active, scheduler.backlog]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("windows", () => {
  it("agree on both sides whenever nothing is under way, whatever is written and read", async () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 300_000 }) }),
      fc.constant("read" as const),
      fc.constant("settle" as const),
      fc.record({ wait: fc.integer({ min: 1, max: 100 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(3), async (steps, latencyMs) => {
        const pair = new SessionPair({ link: { latencyMs }, both: { keepAlive: false, maxUnreadBytes: 2_000_000 } });
        const local = pair.client.open();
        await pair.advance(50);
        const remote = await pair.server.accept();
        let written = 0;
        let read = 0;
        for (const one of steps) {
          if (one === "read") read += remote.tryRead()?.length ?? 0;
          else if (one === "settle") await pair.settle();
          else if ("wait" in one) await pair.advance(one.wait);
          else {
            void local.write(new Uint8Array(one.write));
            written += one.write;
          }
        }
        await pair.advance(1_000);
        expect(local._sendWindow).toBe(remote._recvWindow);
        expect(local._sendWindow).toBeGreaterThanOrEqual(0);
        expect(read + remote.readableLength + local.writableLength).toBe(written);
        expect(local.writableLength === 0 || local._sendWindow === 0).toBe(true);
        expect(pair.server._options.budget.unreadBytes).toBe(remote.readableLength);
        expect(pair.client.stats().sentBytes).toBe(pair.server.stats().receivedBytes);
        // All that was written can be read.
        while (read < written) {
          const chunk = remote.tryRead();
          if (chunk instanceof Uint8Array) read += chunk.length;
          else await pair.advance(10);
        }
        expect(read).toBe(written);
        pair.client.abort();
        pair.server.abort();
      }),
      { numRuns: 60 },
    );
  });
});
