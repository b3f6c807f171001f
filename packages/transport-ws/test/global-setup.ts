import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Listens for everybody, and sends back what comes. */
    readonly echoAddress: string;
    /** Listens for pages of its own host, which no test's is. */
    readonly otherHostAddress: string;
    /** See `support/held-back.ts`. */
    readonly heldBackAddress: string;
  }
}

/** Starts, in a process of its own, which reads the sources, what the tests dial from Node and from a browser. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const child = fork(fileURLToPath(new URL("support/listeners.ts", import.meta.url)), { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  const [addresses] = (await once(child, "message")) as [[string, string, string]];
  project.provide("echoAddress", addresses[0]);
  project.provide("otherHostAddress", addresses[1]);
  project.provide("heldBackAddress", addresses[2]);
  return async () => {
    const exit = once(child, "exit");
    child.disconnect();
    await exit;
  };
}
