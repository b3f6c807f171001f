import fc from "fast-check";
import type { Frame } from "./frames.ts";
import { toHex } from "./hex.ts";

const hex = (constraints: { minLength?: number; maxLength?: number }): fc.Arbitrary<string> => fc.uint8Array(constraints).map(toHex);
const u32 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
const from = (min: number, max = 0xffff_ffff): fc.Arbitrary<number> => fc.integer({ min, max });
const streamId = fc.oneof(fc.constantFrom(1, 2, 3, 0x7fff_ffff), from(1, 0x7fff_ffff));
const u53 = fc.oneof(fc.constantFrom(0, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER), fc.nat(Number.MAX_SAFE_INTEGER));
/** Mostly small; now and then long enough to go by reference, or to need a slab of its own. */
const payload = fc.oneof(
  { weight: 6, arbitrary: hex({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.tuple(from(1_900, 5_000), fc.nat(255)).map(([length, byte]) => toHex(new Uint8Array(length).fill(byte))) },
);
// 61 characters of at most four bytes are 244, the longest text there is. No lone surrogates: fast-check makes whole code points.
const text = fc.string({ unit: "binary", maxLength: 61 });
const nodeId = fc.oneof(fc.constantFrom("0000000000000000", "ffffffffffffffff"), hex({ minLength: 8, maxLength: 8 }));

/** Frames of the four base types, as both wires have them. */
export const baseFrame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("DATA" as const), streamId, flags: fc.nat(3), payload }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("RST" as const), streamId, flags: fc.constant(0), code: u32 }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("WNDINC" as const), streamId, increment: from(1, 0x7fff_ffff) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("GOAWAY" as const), lastStreamId: fc.nat(0x7fff_ffff), code: u32, debug: hex({ maxLength: 40 }) }),
  },
);

const typedData = fc.record({
  type: fc.constant("DATA" as const),
  streamId,
  flags: fc.constantFrom(6, 7),
  streamType: u32,
  payload,
});
const open = fc.oneof(
  fc.record({ type: fc.constant("OPEN" as const), streamId, update: fc.constant(false), urgency: fc.nat(7), header: payload.filter((value) => value.length <= 8_192) }),
  fc.record({ type: fc.constant("OPEN" as const), streamId, update: fc.constant(true), urgency: fc.nat(7), header: fc.constant("") }),
);
const settings = fc.record({
  type: fc.constant("SETTINGS" as const),
  version: from(1, 255),
  features: u32,
  initialWindow: from(65_536, 0x7fff_ffff),
  linkWindow: from(1_048_576),
  maxStreams: from(1_024),
  idleTimeoutMs: u32,
  maxHeader: from(1_024, 65_535),
});

/** Frames of all types of the 'astranet' wire. */
export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 6, arbitrary: baseFrame },
  { weight: 2, arbitrary: typedData },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("RST" as const), streamId, flags: fc.constant(1), code: u32 }) },
  { weight: 1, arbitrary: settings },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("PING" as const), ack: fc.boolean(), opaque: hex({ minLength: 8, maxLength: 8 }) }) },
  { weight: 2, arbitrary: open },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("ACCEPT" as const), streamId, header: hex({ maxLength: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("STOP" as const), streamId, code: u32 }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("LINK" as const), received: u53, limit: u53 }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("REASON" as const), streamId, code: u32, nodeId, text }) },
);
