import { defineConfig } from "tsup";

export default defineConfig({
  // "#transports" is chosen among the last two where the package is used, by its `imports`.
  entry: { index: "src/index.ts", node: "src/node/index.ts", "node-transports": "src/node/transports.ts", transports: "src/transports.ts" },
  format: ["esm"],
  // What is marked @internal is for the other files and the tests of this repository.
  dts: { entry: { index: "src/index.ts", node: "src/node/index.ts" }, compilerOptions: { stripInternal: true } },
  sourcemap: true,
  clean: true,
  target: "es2022",
  platform: "neutral",
  external: [/^node:/, "#transports"],
  removeNodeProtocol: false,
});
