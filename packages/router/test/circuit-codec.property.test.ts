import { AstraError } from "@astranet/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferPins } from "../src/circuit/buffer-pins.ts";
import { decodeFailure, encodeFailure, type CircuitFailure } from "../src/circuit/circuit-failure.ts";
import { decodeCircuitHeader, encodeCircuitHeader, maxCircuitHeader, maxPathNodes } from "../src/circuit/circuit-header.ts";
import { RelayBudget } from "../src/circuit/relay-budget.ts";
import { RelayQueue } from "../src/circuit/relay-queue.ts";
import { isNodeId, nodeIdFromBytes } from "../src/node-id.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const nodeId = bytes(8).map(nodeIdFromBytes).filter(isNodeId);

describe("circuit headers", () => {
  it("read as they were written, within 1 KiB", () => {
    const header = fc
      .uniqueArray(nodeId, { minLength: 2, maxLength: maxPathNodes })
      .chain((path) => fc.record({ path: fc.constant(path), index: fc.integer({ min: 1, max: path.length - 1 }), id: bytes(8), kind: fc.constantFrom("circuit" as const, "trace" as const) }));
    fc.assert(
      fc.property(header, (value) => {
        const encoded = encodeCircuitHeader(value);
        expect(encoded.length).toBeLessThanOrEqual(maxCircuitHeader);
        expect(decodeCircuitHeader(encoded)).toEqual(value);
      }),
    );
  });

  it("that are anything, or nearly one, read or are refused as ERR_ASTRANET_PROTOCOL", () => {
    const valid = encodeCircuitHeader({ path: ["a000000000000001", "a000000000000002", "a000000000000003"], index: 1, id: new Uint8Array(8), kind: "trace" });
    const flipped = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 3 }).map((changes) => {
      const changed = valid.slice();
      for (const [at, byte] of changes) changed[at] = byte;
      return changed;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1100 }), flipped), (input) => {
        try {
          const { path, index } = decodeCircuitHeader(input);
          expect(new Set(path).size).toBe(path.length);
          expect(path[index]).toBeDefined();
          expect(path[index - 1]).toBeDefined();
        } catch (error) {
          expect(AstraError.is(error, "ERR_ASTRANET_PROTOCOL")).toBe(true);
        }
      }),
    );
  });
});

describe("failure codes", () => {
  it("say what they were made of, and are an application's to send", () => {
    const reasons = ["no-link", "link-lost", "not-a-relay", "overloaded", "denied", "timed-out", "closed", "handshake", "protocol"] as const;
    const failure = fc.record<CircuitFailure>({ reason: fc.constantFrom(...reasons), atIndex: fc.nat(15), retryable: fc.boolean() });
    fc.assert(
      fc.property(failure, (value) => {
        expect(decodeFailure(encodeFailure(value))).toEqual(value);
        expect(encodeFailure(value)).toBeGreaterThanOrEqual(256);
        expect(encodeFailure(value)).toBeLessThanOrEqual(0xff_ff_ff_ff);
      }),
    );
  });
});

describe("what waits at a relay", () => {
  /** true: as it is; false: a copy; a number: so many chunks leave. */
  const steps = fc.array(fc.oneof(fc.record({ bytes: fc.integer({ min: 1, max: 20_000 }), kept: fc.boolean() }), fc.integer({ min: 1, max: 5 })), { maxLength: 60 });

  it("leaves in order and whole", () => {
    fc.assert(
      fc.property(steps, (input) => {
        const queue = new RelayQueue();
        let came = 0;
        let left = 0;
        const leave = (): boolean => {
          const first = queue.first();
          if (first === undefined) return false;
          for (const byte of first) if (byte !== (left++ * 31) % 251) throw new Error(`byte ${left - 1} is another one`);
          queue.shift();
          return true;
        };
        for (const step of input) {
          if (typeof step === "number") {
            for (let i = 0; i < step; i += 1) leave();
            continue;
          }
          const chunk = Uint8Array.from({ length: step.bytes }, () => (came++ * 31) % 251);
          if (step.kept) queue.push(chunk);
          else {
            queue.copy(chunk);
            chunk.fill(255);
          }
          expect(queue.empty).toBe(false);
        }
        while (leave());
        expect(left).toBe(came);
        expect(queue.empty).toBe(true);
      }),
    );
  });

  it("costs little more than it holds, also in single bytes", () => {
    const queue = new RelayQueue();
    for (let i = 0; i < 100_000; i += 1) queue.copy(Uint8Array.of(i & 0xff));
    const buffers = new Map<ArrayBufferLike, number>();
    let chunks = 0;
    for (let chunk = queue.first(); chunk !== undefined; chunk = queue.first()) {
      buffers.set(chunk.buffer, chunk.buffer.byteLength);
      chunks += 1;
      queue.shift();
    }
    expect([...buffers.values()].reduce((sum, length) => sum + length, 0)).toBeLessThan(120_000);
    expect(chunks).toBeLessThan(20);
  });

  it("pins no more than the limit of what it wastes, and gives all of it back", () => {
    const chunk = fc.record({ slab: fc.nat(3), bytes: fc.integer({ min: 1, max: 9000 }), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 80 }), (input) => {
        const budget = new RelayBudget(262_144, () => undefined);
        const pins = new BufferPins(budget);
        let [slab, used, last] = [new ArrayBuffer(65_536), 0, -1];
        let came = 0;
        for (const step of input) {
          if (step.slab !== last || used + step.bytes > slab.byteLength) [slab, used, last] = [new ArrayBuffer(65_536), 0, step.slab];
          const view = new Uint8Array(slab, used, step.bytes);
          used += step.bytes;
          came += step.bytes;
          const before = budget.wastedBytes;
          const kept = pins.take(view, came);
          if (step.bytes < 2048) expect(kept).toBe(false);
          if (!kept) expect(budget.wastedBytes).toBe(before);
          if (step.leave) pins.left(came - step.bytes);
          expect(budget.wastedBytes).toBeGreaterThanOrEqual(0);
          expect(budget.wastedBytes).toBeLessThanOrEqual(budget.maxWastedBytes + 65_536);
        }
        pins.left(came);
        expect(budget.wastedBytes).toBe(0);
      }),
    );
  });
});
