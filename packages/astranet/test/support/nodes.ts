import { AstraNet, type AstraNetEventType, type AstraNetOptions, type Conn, MemoryTransport } from "astranet";
import { onTestFinished } from "vitest";

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

export async function readAll(conn: Conn): Promise<string> {
  let text = "";
  for await (const chunk of conn) text += new TextDecoder().decode(chunk);
  return text;
}

/** Answers each Conn of a listener with `greeting` and what it sent. Ends with the listener. */
export async function answer(listener: AsyncIterable<Conn>, greeting = ""): Promise<void> {
  for await (const conn of listener) {
    const heard = await readAll(conn);
    await conn.end(new TextEncoder().encode(greeting + heard));
  }
}

/** Says something to a Conn, ends, and hears the answer out. */
export async function ask(conn: Conn, question = ""): Promise<string> {
  await conn.end(new TextEncoder().encode(question));
  return readAll(conn);
}

/** The next event of a kind. */
export function next(net: AstraNet, type: AstraNetEventType): Promise<Event> {
  return new Promise((resolve) => net.addEventListener(type, resolve, { once: true }));
}
