import { FrameEncoder, SETTINGS_FLOOR } from "@astranet/frame";
import { concat } from "../../../frame/test/support/hex.ts";
import type { Dice } from "./dice.ts";

export type Wire = "astranet" | "muxado";

/** What a peer may say, from sound to absurd: frames in an order that makes sense, then some of the bytes changed. */
export function makeInput(dice: Dice, wire: Wire, parity: number, corpus: readonly Uint8Array[]): Uint8Array {
  switch (dice.int(8)) {
    case 0:
      return dice.bytes(dice.size(2_000));
    case 1:
      return corpus.length === 0 ? dice.bytes(20) : mutate(dice, dice.pick(corpus));
    case 2:
    case 3:
      return frames(dice, wire, parity);
    default:
      return mutate(dice, frames(dice, wire, parity));
  }
}

const special = [0, 1, 2, 3, 4, 7, 0x7f, 0x80, 0xff];

/** Changes a few places: bytes set, flipped, dropped, put in, repeated or moved. */
export function mutate(dice: Dice, input: Uint8Array): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let changes = 1 + dice.int(4); changes > 0; changes--) {
    const at = dice.int(bytes.length + 1);
    const length = Math.min(1 + dice.size(40), bytes.length - at);
    switch (dice.int(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = dice.pick(special);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << dice.int(8));
        break;
      case 2:
        bytes = concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = concat([bytes.subarray(0, at), dice.bytes(1 + dice.int(12)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 5:
        bytes = bytes.slice(0, at);
        break;
      default: {
        const piece = bytes.slice(at, at + length);
        const rest = concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        const to = dice.int(rest.length + 1);
        bytes = concat([rest.subarray(0, to), piece, rest.subarray(to)]);
      }
    }
  }
  return bytes;
}

/** Frames of a peer that has `parity`: it opens streams, writes, ends, resets, grants, asks. Seldom it forgets itself. */
function frames(dice: Dice, wire: Wire, parity: number): Uint8Array {
  const encoder = new FrameEncoder();
  const extended = wire === "astranet";
  const opened: number[] = [];
  let next = parity === 1 ? 1 : 2;
  if (extended && !dice.chance(0.02)) encoder.settings({ ...SETTINGS_FLOOR, features: dice.int(2), initialWindow: 65_536 + dice.size(1_000_000), linkWindow: 1_048_576 + dice.size(4_000_000), idleTimeoutMs: dice.chance(0.3) ? 1 + dice.int(20_000) : 0, maxHeader: 1_024 + dice.int(4_000) });
  // Most inputs keep to the rules until they are mutated: those that do not end at their first frame that is wrong.
  const rude = dice.chance(0.2);
  const anyId = (): number => (opened.length === 0 || (rude && dice.chance(0.1)) ? 1 + dice.int(40) : dice.pick(opened));
  const data = (id: number, flags: number, length: number, type = -1): void => {
    encoder.data(id, flags, length, type);
    encoder.payload(dice.chance(0.5) ? dice.bytes(length) : new Uint8Array(length), 0, length);
  };
  for (let count = 1 + Math.floor(40 * dice.unit() ** 2); count > 0; count--) {
    const kind = opened.length === 0 && !rude ? 0 : dice.int(extended ? 15 : 7);
    switch (kind) {
      case 0:
      case 1: {
        const id = next;
        // Far apart now and then: tables of streams must not pay for the gap.
        next += 2 * (dice.chance(0.1) ? 1 + dice.int(5_000) : 1);
        opened.push(id);
        if (extended && dice.chance(0.2)) encoder.open(id, dice.int(8), dice.bytes(dice.size(1_024)));
        const fin = dice.chance(0.1);
        data(id, fin ? 3 : 2, dice.size(2_000), extended && dice.chance(0.2) ? dice.int(10) : -1);
        if (fin && !rude) opened.pop();
        break;
      }
      case 2:
        data(anyId(), 0, dice.size(dice.chance(0.02) ? 65_536 : 3_000));
        break;
      case 3: {
        const id = anyId();
        data(id, 1, dice.size(100));
        if (!rude && opened.includes(id)) opened.splice(opened.indexOf(id), 1);
        break;
      }
      case 4:
        encoder.windowIncrement(anyId(), rude && dice.chance(0.1) ? 0x7fff_ffff : 1 + dice.size(300_000));
        break;
      case 5:
        encoder.rst(anyId(), extended ? dice.int(2) : 0, dice.int(20));
        break;
      case 6:
        // A run of one-byte frames, each a queue entry if nobody joins them.
        for (let run = dice.size(200), id = anyId(); run > 0; run--) data(id, 0, 1);
        if (dice.chance(0.05)) encoder.goAway(dice.int(20), dice.int(16), dice.bytes(dice.size(200)));
        break;
      case 7:
        encoder.ping(dice.chance(0.5), dice.int(3), dice.int(3));
        break;
      case 8:
        encoder.urgency(anyId(), dice.int(8));
        break;
      case 9:
      case 10:
        encoder.accept(anyId(), dice.bytes(dice.size(1_024)));
        break;
      case 11:
        encoder.stop(anyId(), dice.int(20));
        break;
      case 12:
        encoder.link(dice.chance(0.9) ? 0 : dice.int(1_000), 1_048_576 + dice.size(4_000_000));
        break;
      case 13:
        encoder.reason(anyId(), dice.int(20), BigInt(dice.int(1_000)), "why ".repeat(dice.int(20)));
        break;
      default:
        encoder.payload(Uint8Array.of(0, 0, 4, (11 + dice.int(5)) << 4, 0, 0, 0, 0, 1, 2, 3, 4), 0, 12);
    }
  }
  return concat(encoder.take());
}
