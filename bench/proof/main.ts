import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Runs one of the long runs beside this file: `pnpm proof NAME [arguments]`. Without a name it lists them. */
const folder = fileURLToPath(new URL("./", import.meta.url));
const proofs = readdirSync(folder)
  .filter((name) => name.endsWith(".ts") && name !== "main.ts")
  .map((name) => name.slice(0, -3));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !proofs.includes(name)) {
  console.log(`pnpm proof NAME, where NAME is one of: ${proofs.join(", ")}`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  const command = [...process.execArgv, `${folder}${name}.ts`, ...args];
  process.exitCode = spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
}
