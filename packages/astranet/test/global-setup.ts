import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the node of support/ws-node.ts listens. */
    readonly wsNode: string;
    /** Where the relays of support/relay-process.ts listen. */
    readonly relays: { readonly encrypted: string; readonly clear: string };
    /** The public key of the encrypting node of support/far-process.ts. */
    readonly farKey: readonly number[];
  }
}

const children: ChildProcess[] = [];

/** Starts a program beside this file, which reads the sources, and gives what it says. */
async function start<Message>(name: string, ...args: string[]): Promise<Message> {
  const child = fork(fileURLToPath(new URL(`support/${name}.ts`, import.meta.url)), args, { execArgv: ["--conditions=@astranet/source", "--import", "tsx"] });
  children.push(child);
  const [message] = (await once(child, "message")) as [Message];
  return message;
}

/** Starts, in Node, the nodes that the tests meet from there and from a browser, in processes of their own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [wsNode, relays] = await Promise.all([start<string>("ws-node"), start<{ encrypted: string; clear: string }>("relay-process")]);
  project.provide("wsNode", wsNode);
  project.provide("relays", relays);
  project.provide("farKey", await start<number[]>("far-process", relays.encrypted, relays.clear));
  return async () => {
    const exits = children.map((child) => once(child, "exit"));
    for (const child of children.splice(0)) child.disconnect();
    await Promise.all(exits);
  };
}
