import { execFileSync, spawnSync } from "node:child_process";

/**
 * Runs `changeset status` wherever this is run: on a branch (what it changed needs a changeset of its own), on main itself
 * (any changeset that was not released yet will do), and in a detached or shallow checkout that has no main (compared with the oldest commit there is).
 */
function commit(ref: string): string | undefined {
  const { status, stdout } = spawnSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

function reaches(ref: string): boolean {
  return commit(ref) !== undefined && spawnSync("git", ["merge-base", ref, "HEAD"], { stdio: "ignore" }).status === 0;
}

function since(): string[] {
  const main = ["main", "origin/main"].find(reaches);
  if (main === undefined) {
    const [oldest = "HEAD"] = execFileSync("git", ["rev-list", "--max-parents=0", "HEAD"], { encoding: "utf8" }).split("\n");
    return [`--since=${oldest}`];
  }
  return main === "main" && commit("main") === commit("HEAD") ? [] : [`--since=${main}`];
}

const args = ["status", ...since()];
console.log(`changeset ${args.join(" ")}`);
process.exitCode = spawnSync("changeset", args, { stdio: "inherit" }).status ?? 1;
