// Writes what the encoder makes of the frames in vectors/*.json back into them: `hex` and `counted`, but of `decodeOnly` ones, which are written by hand.
// Whoever changes the encoder runs this and sees in the diff what became of the wire. With --check it only says whether anything differs.
import { readFile, writeFile } from "node:fs/promises";
import { encode } from "./frames.ts";
import { toHex } from "./hex.ts";
import type { ValidFile } from "./vectors.ts";

const check = process.argv.includes("--check");
for (const name of ["base", "extensions"]) {
  const path = new URL(`../../vectors/${name}.json`, import.meta.url);
  const before = await readFile(path, "utf8");
  const file = JSON.parse(before) as ValidFile;
  const vectors = file.vectors.map((vector) => {
    if (vector.decodeOnly === true) return vector;
    const { bytes, counted } = encode(vector.frames);
    return { ...vector, hex: toHex(bytes), counted };
  });
  const after = `${JSON.stringify({ ...file, vectors }, null, 2)}\n`;
  if (after === before) continue;
  console.log(`${name}.json differs from what the encoder writes`);
  if (check) process.exitCode = 1;
  else await writeFile(path, after);
}
