import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at its end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** The text of a file, its path taken from the repository's folder. */
export function text(path: string): string {
  return readFileSync(root + path, "utf8");
}

/** What stands in `.ci/layers.json`. */
export interface Layers {
  /** What each package's sources may import of this repository. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** Packages that know nothing of Node (their `/node` entries excepted). */
  readonly portable: readonly string[];
  /** Packages that take time and randomness as arguments only. */
  readonly core: readonly string[];
  /** Files below packages/ of core packages that may use the primitives of `node:crypto`, its randomness excepted. */
  readonly crypto: readonly string[];
}

export const layers: Layers = JSON.parse(text(".ci/layers.json")) as Layers;

/** The folders below packages/. */
export const packages: readonly string[] = readdirSync(`${root}packages`).filter((name) =>
  existsSync(`${root}packages/${name}/package.json`),
);

/** The part of a package.json that the tests look at. */
export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

export function manifest(folder: string): Manifest {
  return JSON.parse(text(`packages/${folder}/package.json`)) as Manifest;
}

/** All files that git knows or would take, and that exist, below `prefix`; paths from the repository's folder. */
export function files(prefix = ""): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", prefix === "" ? "." : prefix], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  return [...new Set(listed.split("\n"))].filter((path) => path !== "" && existsSync(root + path));
}
