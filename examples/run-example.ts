import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Runs an example's main.ts as its `start` does; gives what it printed, and rejects if it failed, complained or did not end. */
export async function runExample(name: string): Promise<string> {
  const main = fileURLToPath(new URL(`${name}/main.ts`, import.meta.url));
  const flags = ["--conditions=@astranet/source", "--import", "tsx"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, main], { timeout: 50_000, killSignal: "SIGKILL" });
  if (stderr !== "") throw new Error(`${name} complained: ${stderr}`);
  return stdout;
}
