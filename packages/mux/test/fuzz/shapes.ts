import { FrameEncoder, SETTINGS_FLOOR } from "@astranet/frame";
import { muxado, type SessionOptions } from "@astranet/mux";
import { concat } from "../../../frame/test/support/hex.ts";

/** Input that is sound, and made to cost its receiver as much memory as it can. */
export interface Shape {
  readonly name: string;
  readonly options: Omit<SessionOptions, "role">;
  /** Encodes part `index` of the input; false: there is no more. Each part arrives by itself. */
  readonly part: (encoder: FrameEncoder, index: number) => boolean;
}

const FIN = 1;
const SYN = 2;
const one = Uint8Array.of(1);

function data(encoder: FrameEncoder, id: number, flags: number, payload: Uint8Array, type?: number): void {
  encoder.data(id, flags, payload.length, type);
  encoder.payload(payload, 0, payload.length);
}

/** Calls `each` for `count` things, 1,000 a part. */
function thousands(count: number, each: (encoder: FrameEncoder, index: number) => void): Shape["part"] {
  return (encoder, index) => {
    for (let i = index * 1_000; i < Math.min(count, (index + 1) * 1_000); i++) each(encoder, i);
    return (index + 1) * 1_000 < count;
  };
}

const header = new Uint8Array(1_023).fill(7);
const untyped = { wire: muxado(), keepAlive: false } as const;
const typed = { wire: muxado({ typedStreams: true }), keepAlive: false } as const;

export const shapes: readonly Shape[] = [
  { name: "empty streams, their ids side by side", options: {}, part: thousands(60_000, (encoder, i) => data(encoder, 1 + 2 * i, SYN, new Uint8Array(0))) },
  { name: "empty streams, their ids far apart", options: {}, part: thousands(60_000, (encoder, i) => data(encoder, 1 + 4_096 * i, SYN, new Uint8Array(0))) },
  { name: "streams with a byte each", options: {}, part: thousands(60_000, (encoder, i) => data(encoder, 1 + 2 * i, SYN, one)) },
  { name: "streams with a type each", options: {}, part: thousands(60_000, (encoder, i) => data(encoder, 1 + 2 * i, SYN | FIN, new Uint8Array(0), i)) },
  {
    name: "streams with a long header each",
    options: {},
    part: thousands(5_000, (encoder, i) => {
      encoder.open(1 + 2 * i, 0, header);
      data(encoder, 1 + 2 * i, SYN, new Uint8Array(0));
    }),
  },
  {
    name: "single bytes for one stream, many a chunk",
    options: {},
    part: thousands(200_000, (encoder, i) => data(encoder, 1, i === 0 ? SYN : 0, one)),
  },
  {
    name: "single bytes for one stream, each by itself",
    options: {},
    part: (encoder, index) => {
      data(encoder, 1, index === 0 ? SYN : 0, one);
      return index < 20_000;
    },
  },
  {
    name: "single bytes for a thousand streams in turn",
    options: {},
    part: thousands(500_000, (encoder, i) => data(encoder, 1 + 2 * (i % 1_000), i < 1_000 ? SYN : 0, one)),
  },
  {
    name: "a byte of one stream in each large chunk of another",
    options: {},
    part: (encoder, index) => {
      data(encoder, 1, index === 0 ? SYN : 0, one);
      // Gone at once: what pins the chunk is the byte alone.
      data(encoder, 3 + 2 * index, SYN, new Uint8Array(32_768));
      encoder.rst(3 + 2 * index, 0, 6);
      return index < 25;
    },
  },
  {
    name: "streams that are over and were not read",
    options: {},
    part: (encoder, index) => {
      data(encoder, 1 + 2 * index, SYN | FIN, new Uint8Array(32_768));
      encoder.rst(1 + 2 * index, 0, 6);
      return index < 25;
    },
  },
  {
    name: "streams that were reset",
    options: {},
    part: thousands(9_000, (encoder, i) => {
      data(encoder, 1 + 2 * i, SYN, one);
      encoder.rst(1 + 2 * i, 0, 6);
    }),
  },
  {
    name: "streams that were reset after their end, nobody having accepted them",
    options: {},
    part: thousands(9_000, (encoder, i) => {
      data(encoder, 1 + 2 * i, SYN | FIN, one);
      encoder.rst(1 + 2 * i, 0, 6);
    }),
  },
  {
    name: "streams with a reason and a half reset",
    options: {},
    part: thousands(9_000, (encoder, i) => {
      data(encoder, 1 + 2 * i, SYN, one);
      encoder.reason(1 + 2 * i, 6, 1n, `because ${i}`);
      encoder.rst(1 + 2 * i, 1, 6);
    }),
  },
  {
    name: "streams whose reading was stopped",
    options: {},
    part: thousands(30_000, (encoder, i) => {
      data(encoder, 1 + 2 * i, SYN, new Uint8Array(0));
      encoder.stop(1 + 2 * i, 6);
    }),
  },
  {
    name: "changes of urgency",
    options: {},
    part: thousands(100_000, (encoder, i) => {
      if (i === 0) data(encoder, 1, SYN, new Uint8Array(0));
      encoder.urgency(1, i % 8);
    }),
  },
  { name: "streams of the wire 'muxado', their ids far apart", options: untyped, part: thousands(60_000, (encoder, i) => data(encoder, 3 + 4_096 * i, SYN, one)) },
  { name: "streams of the wire 'muxado' whose type is not complete", options: typed, part: thousands(60_000, (encoder, i) => data(encoder, 3 + 2 * i, SYN, new Uint8Array(3))) },
  {
    name: "heartbeats whose echo is not taken",
    options: { wire: muxado({ typedStreams: true, window: 1_000 }), keepAlive: false },
    part: thousands(200_000, (encoder, i) => {
      if (i < 20) data(encoder, 3 + 2 * i, SYN, new Uint8Array(4).fill(255));
      else data(encoder, 3 + 2 * (i % 20), 0, one);
    }),
  },
];

/** The parts of a shape as bytes, one by one. */
export function* partsOf({ options, part }: Shape): Generator<Uint8Array> {
  for (let index = 0, more = true; more; index++) {
    const encoder = new FrameEncoder();
    if (index === 0 && options.wire === undefined) encoder.settings(SETTINGS_FLOOR);
    more = part(encoder, index);
    yield concat(encoder.take());
  }
}
