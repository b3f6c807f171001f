import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferPins } from "../src/circuit/buffer-pins.ts";
import { RelayBudget } from "../src/circuit/relay-budget.ts";
import { RelayQueue } from "../src/circuit/relay-queue.ts";

function drained(queue: RelayQueue): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
    chunks.push(chunk);
    queue.shift();
  }
  return chunks;
}

describe("chunks that wait to be carried on", () => {
  const step = fc.oneof(
    fc.record({ what: fc.constantFrom("push" as const, "copy" as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 700 }) }),
    fc.record({ what: fc.constant("take" as const) }),
  );

  it("come out as the bytes that went in, in order, however they are kept; and it is empty when they are out", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const queue = new RelayQueue();
        const [into, out]: [number[], number[]] = [[], []];
        for (const each of steps) {
          if (each.what === "take") {
            const chunk = queue.first();
            if (chunk === undefined) continue;
            out.push(...chunk);
            queue.shift();
          } else {
            into.push(...each.bytes);
            queue[each.what](each.bytes);
            // What was copied may change afterwards.
            if (each.what === "copy") each.bytes.fill(0xff);
          }
          expect(queue.empty).toBe(into.length === out.length);
        }
        for (const chunk of drained(queue)) out.push(...chunk);
        expect(out).toEqual(into);
        expect([queue.empty, queue.first()]).toEqual([true, undefined]);
      }),
    );
  });

  it("are gathered where they are copied: blocks double to 16 KiB, and what stays of the last one is at most twice what it holds", () => {
    const queue = new RelayQueue();
    for (let i = 0; i < 60_000; i += 10) queue.copy(new Uint8Array(10).fill(i));
    const sizes = drained(queue).map(({ buffer }) => buffer.byteLength);
    expect(sizes.slice(0, 8)).toEqual([256, 512, 1024, 2048, 4096, 8192, 16_384, 16_384]);
    expect(Math.max(...sizes)).toBe(16_384);
    queue.copy(new Uint8Array(10));
    expect(drained(queue).map(({ buffer }) => buffer.byteLength)).toEqual([10]);
    queue.copy(new Uint8Array(128));
    expect(drained(queue).map(({ buffer }) => buffer.byteLength)).toEqual([256]);
    queue.copy(new Uint8Array(127));
    expect(drained(queue).map(({ buffer }) => buffer.byteLength)).toEqual([127]);
  });
});

describe("what kept chunks keep alive besides themselves", () => {
  const wastedAfter = (pins: BufferPins, budget: RelayBudget) => (bytes: number): number => {
    pins.left(bytes);
    return budget.wastedBytes;
  };
  const chunkOf = (buffer: ArrayBuffer, from: number, to: number): Uint8Array => new Uint8Array(buffer, from, to - from);

  it("is counted once for a buffer, grows as its chunks leave, and is free when the last one has left", () => {
    const budget = new RelayBudget(1_000_000, () => undefined);
    const pins = new BufferPins(budget);
    const buffer = new ArrayBuffer(10_000);
    expect(pins.take(chunkOf(buffer, 0, 4000), 4000)).toBe(true);
    expect(budget.wastedBytes).toBe(6000);
    expect(pins.take(chunkOf(buffer, 4000, 9000), 9000)).toBe(true);
    expect(budget.wastedBytes).toBe(1000);
    expect([3000, 3000, 8999, 9000].map(wastedAfter(pins, budget))).toEqual([4000, 4000, 9999, 0]);
  });

  it("is of several buffers at once", () => {
    const budget = new RelayBudget(1_000_000, () => undefined);
    const pins = new BufferPins(budget);
    pins.take(chunkOf(new ArrayBuffer(5000), 0, 3000), 3000);
    pins.take(chunkOf(new ArrayBuffer(7000), 0, 3000), 6000);
    expect(budget.wastedBytes).toBe(6000);
    expect([3000, 4000, 6000].map(wastedAfter(pins, budget))).toEqual([4000, 5000, 0]);
  });

  it("is nothing for short chunks, which are copied", () => {
    const pins = new BufferPins(new RelayBudget(1_000_000, () => undefined));
    expect(pins.take(new Uint8Array(2047), 2047)).toBe(false);
    expect(pins.take(new Uint8Array(2048), 2048)).toBe(true);
  });

  it("is at most half of what all circuits may hold: beyond it a chunk is to be copied", () => {
    const budget = new RelayBudget(20_000, () => undefined);
    const pins = new BufferPins(budget);
    expect(pins.take(chunkOf(new ArrayBuffer(13_000), 0, 3000), 3000)).toBe(true);
    expect(budget.wastedBytes).toBe(10_000);
    expect(pins.take(chunkOf(new ArrayBuffer(3001), 0, 3000), 6000)).toBe(false);
    expect(pins.take(new Uint8Array(3000), 6000)).toBe(true);
    expect(budget.wastedBytes).toBe(10_000);
  });
});

describe("the bytes of others on this node", () => {
  it("press above half of what is allowed, are shed beyond all of it, and relieved at fifteen sixteenths", () => {
    let sheds = 0;
    const budget = new RelayBudget(1600, () => (sheds += 1));
    const at = (bytes: number): [boolean, boolean, number] => {
      budget.bytes = bytes;
      budget.check();
      return [budget.isPressed, budget.isRelieved, sheds];
    };
    expect(at(800)).toEqual([false, true, 0]);
    expect(at(801)).toEqual([true, true, 0]);
    expect(at(1500)).toEqual([true, true, 0]);
    expect(at(1501)).toEqual([true, false, 0]);
    expect(at(1600)).toEqual([true, false, 0]);
    expect(at(1601)).toEqual([true, false, 1]);
  });
});
