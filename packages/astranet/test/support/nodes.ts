import { AstraNet, type AstraNetEventType, type AstraNetOptions, MemoryTransport } from "astranet";
import { onTestFinished } from "vitest";

export { answer, ask, readAll } from "./talk.ts";

/** A node that is closed with the test. */
export function node(options: AstraNetOptions = {}): AstraNet {
  const net = new AstraNet(options);
  onTestFinished(() => net.close());
  return net;
}

/** Nodes on one transport in memory, linked one after the other. */
export async function chain(...options: AstraNetOptions[]): Promise<AstraNet[]> {
  const transports = [new MemoryTransport()];
  const nets = options.map((each) => node({ transports, ...each }));
  for (const [index, net] of nets.entries()) {
    const { address } = await net.listenAndServe("memory", `node ${String(index)}`);
    if (index + 1 < nets.length) await Promise.all([next(net, "linkup"), nets[index + 1]!.join("memory", address)]);
  }
  return nets;
}

/** Two linked nodes, on one transport in memory. */
export async function pair(a: AstraNetOptions = {}, b: AstraNetOptions = {}): Promise<[AstraNet, AstraNet]> {
  const [one, other] = await chain(a, b);
  return [one!, other!];
}

/** The next event of a kind. */
export function next(net: AstraNet, type: AstraNetEventType): Promise<Event> {
  return new Promise((resolve) => net.addEventListener(type, resolve, { once: true }));
}
