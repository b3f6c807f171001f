import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord, maxIncarnation, maxPayloadBytes, type StoredRecord } from "@astranet/discovery";
import { readRecords } from "../src/record.ts";
import { idOf } from "./support/world.ts";

function encoded(change: Partial<StoredRecord> = {}): Uint8Array {
  return encodeRecord({ origin: idOf(1), incarnation: 5n, slot: 0x0200, seq: 1, flags: 0, payload: Uint8Array.of(1, 2, 3), ...change });
}

describe("bytes that are no record", () => {
  it.each([
    ["less than a header", encoded().subarray(0, 24), "it has 24 bytes, less than its header's 25"],
    ["cut short", encoded().subarray(0, 27), "it says 3 bytes of payload and has 2"],
    ["longer than any record", encoded({ payload: new Uint8Array(maxPayloadBytes + 1) }), `its payload of ${maxPayloadBytes + 1} bytes is longer than ${maxPayloadBytes}`],
    ["of nobody", encoded({ origin: "0000000000000000" }), "0000000000000000 is nobody's id"],
    ["of everybody", encoded({ origin: "ffffffffffffffff" }), "ffffffffffffffff is nobody's id"],
    ["of a life that cannot be", encoded({ incarnation: maxIncarnation + 1n }), `its incarnation ${maxIncarnation + 1n} is beyond 2^63`],
  ])("are refused, and the error says that they are %s", (_what, bytes, why) => {
    const refused = expect.objectContaining({ code: "ERR_ASTRANET_PROTOCOL", message: expect.stringContaining(`not a record: ${why}`) as string }) as Error;
    expect(() => decodeRecord(bytes)).toThrow(refused);
    expect(() => readRecords(bytes)).toThrow(refused);
  });

  it("are refused where one record is asked for and more come", () => {
    expect(() => decodeRecord(Uint8Array.from([...encoded(), 7, 7]))).toThrow(/it has 2 bytes more than it says/);
  });
});

describe("a record that was read", () => {
  it("has 16 KiB of payload at most, to the byte", () => {
    expect(decodeRecord(encoded({ payload: new Uint8Array(maxPayloadBytes) })).payload).toHaveLength(maxPayloadBytes);
  });

  it("keeps nothing of the bytes that it came in", () => {
    const bytes = encoded();
    const { payload } = decodeRecord(bytes);
    bytes.fill(0);
    expect(payload).toEqual(Uint8Array.of(1, 2, 3));
    expect(payload.buffer.byteLength).toBe(3);
  });
});
