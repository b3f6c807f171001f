import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "tsup";

/**
 * Internal members begin with `_`, and no bundler of an application may shorten them, so that is done here: `_state` becomes `_1`, and so on.
 * Still with the `_`, so that they meet no property which an application adds. Names that Node's streams give a meaning stay.
 */
function shortNames(): Record<string, string | false> {
  const ofNode = ["_read", "_write", "_writev", "_final", "_destroy"];
  const uses = new Map<string, number>();
  for (const name of readdirSync("src", { recursive: true, encoding: "utf8" }).sort())
    if (name.endsWith(".ts")) for (const [own] of readFileSync(join("src", name), "utf8").matchAll(/\b_[a-z]\w*/g)) uses.set(own, (uses.get(own) ?? 0) + 1);
  const short: Record<string, string | false> = {};
  const byUse = [...uses.keys()].filter((name) => !ofNode.includes(name)).sort((a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0));
  byUse.forEach((name, index) => (short[name] = `_${index.toString(36)}`));
  for (const name of ofNode) short[name] = false;
  return short;
}

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node/index.ts" },
  format: ["esm"],
  // What is marked @internal is for the other files and the tests of this repository.
  dts: { compilerOptions: { stripInternal: true } },
  sourcemap: true,
  clean: true,
  target: "es2022",
  platform: "neutral",
  external: [/^node:/],
  removeNodeProtocol: false,
  esbuildOptions(options) {
    options.mangleProps = /^_[a-z]/;
    options.mangleCache = shortNames();
    // Numbers in their places: the bits of `state.ts` above all.
    options.minifySyntax = true;
  },
});
