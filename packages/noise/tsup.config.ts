import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", "node-crypto": "src/node/node-crypto.ts", "noble-crypto": "src/noble/noble-crypto.ts" },
  format: ["esm"],
  // What is marked @internal is for the other files and the tests of this repository. Only the index has a public type.
  dts: { entry: { index: "src/index.ts" }, compilerOptions: { stripInternal: true } },
  sourcemap: true,
  clean: true,
  target: "es2022",
  platform: "neutral",
  // The provider is chosen where the package is used, by the `imports` of package.json.
  external: ["#crypto", /^node:/],
  removeNodeProtocol: false,
});
