import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Packs every package as it would be published, and installs the tarballs with plain npm into empty folders, one for each kind of user.
 * In each, types must resolve under every module resolution there is, `.ci/tarballs/USER/main.ts` must run, and nothing may be installed
 * that this user did not ask for. Needs a build. Arguments name the users; none means all.
 */
const root = fileURLToPath(new URL("../", import.meta.url));

interface User {
  readonly name: string;
  readonly wants: readonly string[];
  /** All of this repository's packages that may come along. */
  readonly gets: readonly string[];
  /** Whether the user's own program is written for Node. */
  readonly node: boolean;
}

const everybody: readonly User[] = [
  {
    name: "mux-only",
    wants: ["@astranet/mux", "@astranet/transport"],
    gets: ["@astranet/frame", "@astranet/mux", "@astranet/transport"],
    node: false,
  },
  {
    name: "mesh",
    wants: ["astranet"],
    gets: [
      "@astranet/discovery",
      "@astranet/frame",
      "@astranet/mux",
      "@astranet/noise",
      "@astranet/router",
      "@astranet/transport",
      "@astranet/transport-tcp",
      "@astranet/transport-ws",
      "astranet",
    ],
    node: true,
  },
  {
    name: "channels",
    wants: ["@astranet/channel", "@astranet/mux", "@astranet/transport"],
    gets: ["@astranet/channel", "@astranet/frame", "@astranet/mux", "@astranet/transport"],
    node: false,
  },
  { name: "transport-author", wants: ["@astranet/transport"], gets: ["@astranet/transport"], node: true },
];

const resolutions: readonly { name: string; module: string }[] = [
  { name: "node16", module: "node16" },
  { name: "nodenext", module: "nodenext" },
  { name: "bundler", module: "preserve" },
];

function run(cwd: string, command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`in ${cwd}: ${command} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
  }
}

/** Packs the packages that are wanted; gives each one's name and where its tarball is. */
function pack(wanted: ReadonlySet<string>, into: string): Map<string, string> {
  const tarballs = new Map<string, string>();
  for (const folder of readdirSync(join(root, "packages"))) {
    const from = join(root, "packages", folder);
    if (!wanted.has(folder) && !wanted.has(`@astranet/${folder}`)) continue;
    if (!existsSync(join(from, "dist"))) throw new Error(`packages/${folder} has no dist: build first`);
    const { name, version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as { name: string; version: string };
    run(from, "pnpm", "pack", "--pack-destination", into);
    tarballs.set(name, join(into, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`));
  }
  return tarballs;
}

/** The names of all packages that were installed, of this repository or not. */
function installed(folder: string): string[] {
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as { packages: Record<string, unknown> };
  return Object.keys(lock.packages).filter((path) => path !== "").map((path) => path.replace(/^.*node_modules\//, ""));
}

function check(user: User, tarballs: ReadonlyMap<string, string>, folder: string): void {
  mkdirSync(folder);
  cpSync(join(root, ".ci/tarballs", user.name), folder, { recursive: true });
  // What a registry would give: every package of ours comes from its tarball.
  const file = Object.fromEntries([...tarballs].map(([name, path]) => [name, `file:${path}`]));
  const dependencies = Object.fromEntries(user.wants.map((name) => [name, file[name]]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies, overrides: file }));
  run(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error");

  const ours = [...new Set(installed(folder))].filter((name) => tarballs.has(name)).sort();
  if (ours.join() !== user.gets.join()) throw new Error(`${user.name} got ${ours.join(", ")} instead of ${user.gets.join(", ")}`);

  const tsc = join(root, "node_modules/typescript/bin/tsc");
  for (const { name, module } of resolutions) {
    const compilerOptions = {
      target: "es2022",
      // A program for Node has no DOM types.
      lib: ["es2022", "esnext.disposable", ...(user.node ? [] : ["dom", "dom.asynciterable"])],
      module,
      moduleResolution: name,
      strict: true,
      exactOptionalPropertyTypes: true,
      // The declarations that we publish are part of what is tested.
      skipLibCheck: false,
      skipDefaultLibCheck: true,
      types: user.node ? ["node"] : [],
      typeRoots: [join(root, "node_modules/@types")],
      rootDir: ".",
      outDir: `out-${name}`,
    };
    const config = `tsconfig.${name}.json`;
    writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    run(folder, process.execPath, tsc, "-p", config);
  }

  const [expected = ""] = /(?<=^\/\/ prints: ).*$/m.exec(readFileSync(join(folder, "main.ts"), "utf8")) ?? [];
  const printed = run(folder, process.execPath, "out-nodenext/main.js").trim().split("\n").at(-1) ?? "";
  if (expected === "" || printed !== expected) throw new Error(`${user.name} printed ${printed} instead of ${expected}`);
  for (const name of user.wants) run(folder, process.execPath, "--input-type=commonjs", "--eval", `require(${JSON.stringify(name)})`);
  console.log(`${user.name}: ${ours.join(", ")}; types under ${resolutions.map(({ name }) => name).join(", ")}; ran`);
}

const named = process.argv.slice(2);
const users = everybody.filter(({ name }) => named.length === 0 || named.includes(name));
const temporary = mkdtempSync(join(tmpdir(), "astranet-tarballs-"));
const failures: unknown[] = [];
try {
  const tarballs = pack(new Set(users.flatMap(({ gets }) => gets)), temporary);
  for (const user of users) {
    try {
      check(user, tarballs, join(temporary, user.name));
    } catch (error) {
      failures.push(error);
      console.error(`${user.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
} finally {
  rmSync(temporary, { recursive: true });
}
process.exitCode = failures.length === 0 ? 0 : 1;
