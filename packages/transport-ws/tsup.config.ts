import { defineConfig } from "tsup";

export default defineConfig({
  // "#platform" is chosen among the other two where the package is used, by its `imports`.
  entry: { index: "src/index.ts", node: "src/node/platform.ts", browser: "src/browser/platform.ts" },
  format: ["esm"],
  // What is marked @internal is for the other files and the tests of this repository.
  dts: { entry: { index: "src/index.ts" }, compilerOptions: { stripInternal: true } },
  sourcemap: true,
  clean: true,
  target: "es2022",
  platform: "neutral",
  external: [/^node:/, "#platform"],
  removeNodeProtocol: false,
});
