import { expect, it } from "vitest";
import { measure } from "./fuzz/heap.ts";
import { shapes } from "./fuzz/shapes.ts";

it.each(shapes)("a session keeps at most 4 × input + 64 KiB + 1 KiB per open stream, in the heap too, of $name", async (shape) => {
  // The first run pays for what is compiled and cached once.
  await measure(shape);
  const { alive, retained, grown, allowed } = await measure(shape);
  expect(alive, "the shape is sound: the session takes all of it").toBe(true);
  expect(retained).toBeLessThanOrEqual(allowed);
  expect(grown).toBeLessThanOrEqual(allowed);
}, 60_000);
