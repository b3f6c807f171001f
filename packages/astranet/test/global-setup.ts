import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the node of support/ws-node.ts listens. */
    readonly wsNode: string;
  }
}

/** Starts, in Node, the node that the tests join from there and from a browser: a process of its own, which reads the sources. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const child = fork(fileURLToPath(new URL("support/ws-node.ts", import.meta.url)), { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  const [address] = (await once(child, "message")) as [string];
  project.provide("wsNode", address);
  return async () => {
    const exited = once(child, "exit");
    child.disconnect();
    await exited;
  };
}
