import { describe, expect, it } from "vitest";
import { byteByByte, decode, encode, type Frame } from "./support/frames.ts";
import { fromHex, toHex } from "./support/hex.ts";
import { type RecordedFrame, type Transcript, transcripts } from "./support/transcripts.ts";

const WINDOW = 262_144;
const FIN = 1;
const SYN = 2;

interface Side {
  readonly scenario: string;
  readonly side: "client" | "server";
  readonly frames: readonly RecordedFrame[];
  readonly other: readonly RecordedFrame[];
  readonly bytes: number;
  readonly hex: string | undefined;
}

const sides: Side[] = transcripts.flatMap(({ scenario, ...t }: Transcript): Side[] => [
  { scenario, side: "client", frames: t.clientFrames, other: t.serverFrames, bytes: t.clientBytes, hex: t.clientToServer },
  { scenario, side: "server", frames: t.serverFrames, other: t.clientFrames, bytes: t.serverBytes, hex: t.serverToClient },
]);
const whole = sides.flatMap(({ hex, ...side }) => (hex === undefined ? [] : [{ ...side, hex }]));
const listed = sides.filter(({ hex }) => hex === undefined);

/** The recording's words in ours. Payload that it does not tell is zeros. */
function ours(frame: RecordedFrame): Frame {
  switch (frame.type) {
    case "DATA":
      return { type: "DATA", streamId: frame.id, flags: frame.flags, payload: frame.payload ?? "00".repeat(frame.length) };
    case "RST":
      return { type: "RST", streamId: frame.id, flags: frame.flags, code: frame.code! };
    case "WNDINC":
      return { type: "WNDINC", streamId: frame.id, increment: frame.increment! };
    case "GOAWAY":
      return { type: "GOAWAY", lastStreamId: frame.lastId!, code: frame.code!, debug: toHex(new TextEncoder().encode(frame.debug)) };
  }
}

it("the recordings hold the bytes of six scenarios, and the first frames of two more", () => {
  expect([...new Set(whole.map(({ scenario }) => scenario))]).toEqual(["accept", "backlog", "echo", "heartbeat", "lateclose", "typed"]);
  expect([...new Set(listed.map(({ scenario }) => scenario))]).toEqual(["big", "many"]);
});

describe.each(whole)("$scenario: what Go's $side said", ({ hex, frames, bytes }) => {
  const recorded = fromHex(hex);

  it("decodes to the frames that were seen", () => {
    expect(recorded).toHaveLength(bytes);
    for (const cuts of [[], byteByByte(recorded)]) {
      const decoded = decode(recorded, { wire: "muxado" }, cuts);
      expect(decoded.error).toBeUndefined();
      expect(decoded.buffered).toBe(0);
      expect(decoded.frames).toEqual(frames.map(ours));
    }
  });

  it("encodes again byte for byte", () => {
    expect(toHex(encode(decode(recorded, { wire: "muxado" }).frames).bytes)).toBe(hex);
  });
});

describe.each(listed)("$scenario: the first frames that Go's $side said", ({ frames, other, bytes, side }) => {
  const parity = side === "client" ? 1 : 0;

  it("pass the decoder's rules, which keep their lengths and flags", () => {
    const encoded = encode(frames.map(ours));
    const decoded = decode(encoded.bytes, { wire: "muxado" });
    expect(decoded.error).toBeUndefined();
    expect(decoded.frames).toEqual(frames.map(ours));
    expect(frames.reduce((sum, { length }) => sum + 8 + length, 0)).toBe(encoded.bytes.length);
    expect(encoded.bytes.length).toBeLessThanOrEqual(bytes);
  });

  it("open each stream of its own once, before anything else on it, and say nothing but WNDINC after its FIN", () => {
    const seen = new Map<number, "open" | "ended">();
    for (const { type, id, flags } of frames) {
      if (id % 2 === parity) expect((flags & SYN) !== 0, `stream ${id}`).toBe(!seen.has(id));
      else expect(flags & SYN).toBe(0);
      if (type === "DATA") {
        expect(seen.get(id)).not.toBe("ended");
        seen.set(id, (flags & FIN) === 0 ? "open" : "ended");
      }
    }
  });

  it("send no DATA longer than the window, and return no more credit than DATA came", () => {
    for (const { type, length } of frames) if (type === "DATA") expect(length).toBeLessThanOrEqual(WINDOW);
    const received = new Map<number, number>();
    for (const { type, id, length } of other) if (type === "DATA") received.set(id, (received.get(id) ?? 0) + length);
    const returned = new Map<number, number>();
    for (const { type, id, increment } of frames) if (type === "WNDINC") returned.set(id, (returned.get(id) ?? 0) + increment!);
    // Of a stream whose DATA is beyond the other's first 40 frames nothing can be said.
    for (const [id, total] of received) expect(returned.get(id) ?? 0, `stream ${id}`).toBeLessThanOrEqual(total);
  });
});
