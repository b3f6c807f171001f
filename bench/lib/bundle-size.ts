import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { benchFolder } from "./paths.ts";

export interface BundleSize {
  readonly minified: number;
  readonly gzip: number;
}

/** What a browser has to load for `import { Session } from '@astranet/mux'`, or undefined while that does not build. */
export async function bundleSize(): Promise<BundleSize | undefined> {
  try {
    const { outputFiles } = await build({
      absWorkingDir: benchFolder,
      stdin: { contents: `export { Session } from "@astranet/mux";`, resolveDir: benchFolder },
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      platform: "browser",
      target: "es2022",
      conditions: ["@astranet/source"],
      // As mux's own build does.
      mangleProps: /^_[a-z]/,
      logLevel: "silent",
    });
    const code = outputFiles[0]?.contents ?? new Uint8Array();
    return { minified: code.byteLength, gzip: gzipSync(code, { level: 9 }).byteLength };
  } catch {
    return undefined;
  }
}
