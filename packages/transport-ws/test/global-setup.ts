import type { TransportListener } from "@astranet/transport";
import { WsTransport } from "@astranet/transport-ws";
import type { TestProject } from "vitest/node";
import { echo } from "./support/collect.ts";
import { HeldBack } from "./support/held-back.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Listens for everybody, and sends back what comes. */
    readonly echoAddress: string;
    /** Listens for pages of its own host, which no test's is. */
    readonly otherHostAddress: string;
    /** See {@link HeldBack}. */
    readonly heldBackAddress: string;
  }
}

const listeners: TransportListener[] = [];

/** Starts, in Node, what the tests dial from there and from a browser. */
export async function setup(project: TestProject): Promise<void> {
  const open = new WsTransport({ origins: ["*"] });
  const echoes = await open.listen("ws", "127.0.0.1:0/echo", { onconnection: echo });
  const others = await new WsTransport().listen("ws", "127.0.0.1:0", { onconnection: echo });
  const heldBack = new HeldBack();
  const held = await open.listen("ws", "127.0.0.1:0", {
    onconnection: (connection) => {
      heldBack.accept(connection);
    },
  });
  project.provide("echoAddress", echoes.address);
  project.provide("otherHostAddress", others.address);
  project.provide("heldBackAddress", held.address);
  listeners.push(echoes, others, held);
}

export async function teardown(): Promise<void> {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
}
