// A node in a process of its own, which does what its parent asks. Its argument: a NodeSetup, as JSON. It ends with its parent.
import { AstraNet, type AstraNetEventType } from "astranet";
import { Router } from "@astranet/router";
import { NodeCalls } from "./calls.ts";
import { type Call, type FromNode, type NodeSetup, moment, told } from "./messages.ts";
import { marker } from "./payload.ts";
import { Tap } from "./tap.ts";

const { role, secret, insecure, idleTimeoutMs, listens, taps, stopsGracefully } = JSON.parse(process.argv[2] ?? "{}") as NodeSetup;

function say(message: FromNode): void {
  // The parent may have gone.
  if (process.connected) process.send?.(message);
}

const tap = taps === true ? new Tap(marker) : undefined;
tap?.install();

/** The node's own router: what it says of its circuits is nobody's business but a test's. */
const routers: Router[] = [];
const { subscribe } = Router.prototype;
Router.prototype.subscribe = function (this: Router, callback): () => void {
  routers.push(this);
  return subscribe.call(this, callback);
};

const net = new AstraNet({
  ...(role === undefined ? {} : { role }),
  ...(secret === undefined || secret === "" ? {} : { secret }),
  ...(insecure === undefined ? {} : { insecure }),
  ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
});

const names: readonly AstraNetEventType[] = ["linkup", "linkdown", "linkerror", "joinerror", "reachability", "circuitup", "circuitdown", "relayrefused"];
for (const name of names) {
  net.addEventListener(name, ({ detail }) => {
    const { peer, path, error, id, cost } = detail as { peer?: string; path?: readonly string[]; error?: unknown; id?: string; cost?: number };
    const about = peer ?? id;
    say({
      type: "event",
      name,
      when: moment(),
      ...(about === undefined ? {} : { peer: about }),
      ...(path === undefined ? {} : { path }),
      ...(name === "reachability" ? { reachable: cost !== undefined } : {}),
      ...(error === undefined ? {} : { error: told(error) }),
    });
  });
}

const calls = new NodeCalls(net, routers[0]!, tap);

async function answer({ call, name, args }: Call): Promise<void> {
  try {
    const method = (calls as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name];
    if (method === undefined) throw new Error(`there is no call ${name}`);
    say({ type: "answer", call, value: await method.apply(calls, [...args]) });
  } catch (error) {
    say({ type: "failed", call, error: told(error) });
  }
}

const { address } = listens === true ? await net.listenAndServe("tcp4", "127.0.0.1:0") : { address: "" };
process.on("message", (message) => void answer(message as Call));
process.on("disconnect", () => process.exit());
if (stopsGracefully === true) process.once("SIGTERM", () => void net.close().then(() => process.disconnect()));
say({ type: "ready", id: net.id, publicKey: net.publicKey, address });
