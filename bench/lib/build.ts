import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build, type BuildOptions } from "esbuild";
import type { PeerInfo } from "../peers/list.ts";
import { benchFolder, cacheFolder } from "./paths.ts";

const run = promisify(execFile);

/** A command that starts a child; the child's arguments come after it. */
export interface Built {
  readonly command: string;
  readonly args: readonly string[];
}

/** All packages of others stay in node_modules, ours are bundled from their sources. */
async function others(): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(benchFolder, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  return Object.keys(manifest.devDependencies);
}

const esbuildOptions: BuildOptions = {
  absWorkingDir: benchFolder,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  conditions: ["@astranet/source"],
  sourcemap: "linked",
  logLevel: "silent",
  // What ours depend on is CommonJS in part, which is bundled with them and asks for Node's own modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
};

/** Bundles a module, given as its text, into a program for plain Node. Gives the program's path. */
export async function bundle(name: string, contents: string): Promise<string> {
  const outfile = join(cacheFolder, `${name}.mjs`);
  await build({
    ...esbuildOptions,
    external: await others(),
    outfile,
    stdin: { contents, resolveDir: benchFolder, sourcefile: `${name}-entry.ts`, loader: "ts" },
  });
  return outfile;
}

async function buildNode(peer: PeerInfo): Promise<Built> {
  const outfile = await bundle(peer.name, `import { child } from "./child/child.ts"; import { peer } from "./peers/${peer.name}.ts"; await child(peer);`);
  return { command: process.execPath, args: ["--expose-gc", "--max-old-space-size=16384", outfile] };
}

/** The Go peers are one program, built against the packages that Debian installs under /usr/share/gocode. */
async function buildGo(peer: PeerInfo): Promise<Built> {
  const program = join(cacheFolder, "go-peer");
  const env = { ...process.env, GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOFLAGS: "", GOCACHE: join(cacheFolder, "go-build") };
  await run("go", ["build", "-o", program, "."], { cwd: join(benchFolder, "go"), env, timeout: 120_000 });
  return { command: program, args: [peer.name] };
}

/** Builds a peer's child, or says in a line why it cannot be built. */
export async function buildPeer(peer: PeerInfo): Promise<Built | string> {
  await mkdir(cacheFolder, { recursive: true });
  try {
    return await (peer.language === "go" ? buildGo(peer) : buildNode(peer));
  } catch (error) {
    // Of node there is always one: what is missing can only be Go.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "Go is not installed";
    return `does not build: ${(error instanceof Error ? error.message : String(error)).split("\n").slice(0, 3).join(" ")}`;
  }
}
