import { builtinModules } from "node:module";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { layers, root } from "./repository.ts";

const ofNode = new RegExp(`^(?:node:|(?:${builtinModules.filter((name) => !name.startsWith("_")).join("|")})(?:/|$))`);

/** Everything that a bundler for browsers would take in from this entry. */
async function graph(entry: string): Promise<{ inputs: string[]; outside: string[] }> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    conditions: ["@astranet/source"],
    external: ["node:*", ...builtinModules],
    logLevel: "silent",
  });
  const outside = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path));
  return { inputs: Object.keys(metafile.inputs), outside };
}

describe("what a browser loads", () => {
  for (const name of layers.portable) {
    it(`of ${name} holds nothing of Node`, async () => {
      const { inputs, outside } = await graph(`packages/${name}/src/index.ts`);
      expect(inputs.filter((path) => path.includes("/src/node/"))).toEqual([]);
      expect(outside.filter((path) => ofNode.test(path))).toEqual([]);
      expect(outside).toEqual([]);
    });
  }

  it("would show it if it did", async () => {
    const { outside } = await graph("packages/transport-tcp/src/index.ts");
    expect(outside.some((path) => ofNode.test(path))).toBe(true);
  });
});
