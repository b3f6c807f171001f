import { execFileSync, spawnSync } from "node:child_process";

/**
 * Runs `changeset status` against main, wherever this is run: in a clone that has a main, in one that only has origin/main,
 * and in a detached or shallow checkout that has neither, where every package must be covered (`changeset status` alone says so).
 */
function exists(ref: string): boolean {
  return spawnSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { stdio: "ignore" }).status === 0;
}

const base = ["main", "origin/main"].find((ref) => exists(ref) && spawnSync("git", ["merge-base", ref, "HEAD"], { stdio: "ignore" }).status === 0);
console.log(base === undefined ? "no main to compare with: looking at all packages" : `compared with ${base}`);
execFileSync("changeset", ["status", ...(base === undefined ? [] : [`--since=${base}`])], { stdio: "inherit" });
