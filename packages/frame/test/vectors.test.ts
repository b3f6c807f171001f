import { describe, expect, it } from "vitest";
import { byteByByte, decode, encode } from "./support/frames.ts";
import { fromHex, toHex } from "./support/hex.ts";
import { invalidVectors, validFiles } from "./support/vectors.ts";

const valid = Object.values(validFiles).flatMap(({ wires, vectors }) => wires.flatMap((wire) => vectors.map((vector) => ({ wire, ...vector }))));
const invalid = invalidVectors.flatMap((vector) => vector.wires.map((wire) => ({ wire, ...vector })));

describe("a valid vector", () => {
  it.each(valid)("decodes on the wire $wire: $name", ({ wire, hex, frames, counted }) => {
    const bytes = fromHex(hex);
    for (const cuts of [[], byteByByte(bytes)]) {
      const decoded = decode(bytes, { wire }, cuts);
      expect(decoded.error).toBeUndefined();
      expect(decoded.frames).toEqual(frames);
      expect(decoded.counted).toBe(counted);
      expect(decoded.buffered).toBe(0);
    }
  });

  it.each(valid.filter(({ decodeOnly }) => decodeOnly !== true))("is what the encoder writes: $name", ({ hex, frames, counted }) => {
    const encoded = encode(frames);
    expect(toHex(encoded.bytes)).toBe(hex);
    expect(encoded.counted).toBe(counted);
  });
});

describe("an invalid vector", () => {
  it.each(invalid)("ends the session with its code on the wire $wire: $name", ({ wire, hex, frames, code }) => {
    const bytes = fromHex(hex);
    for (const cuts of [[], byteByByte(bytes)]) {
      const decoded = decode(bytes, { wire }, cuts);
      expect(decoded.error?.wireCode).toBe(code);
      expect(decoded.frames).toEqual(frames);
    }
  });
});

it("every vector has a name of its own", () => {
  const names = [...Object.values(validFiles).flatMap(({ vectors }) => vectors), ...invalidVectors].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
