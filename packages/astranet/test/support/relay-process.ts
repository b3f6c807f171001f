// A relay for pages, in a process of its own: one node of a network that encrypts, and one of a network in clear. It tells its parent where they listen, and
// runs until that is gone. Each offers 'tapped', which says what a tap at their splices has seen of the marker.
import { type Conn, AstraNet, WsTransport } from "astranet";
import { Tap } from "../mesh/node/tap.ts";
import { pageMarker } from "./page-marker.ts";

const encoder = new TextEncoder();
const tap = new Tap(encoder.encode(pageMarker));
tap.install();

async function answer(listener: AsyncIterable<Conn>): Promise<void> {
  for await (const conn of listener) void conn.end(encoder.encode(JSON.stringify(tap.tapped))).catch(() => undefined);
}

const nets = [false, true].map((insecure) => new AstraNet({ role: "router", insecure, transports: [new WsTransport({ origins: ["*"] })] }));
const [encrypted, clear] = await Promise.all(nets.map(async (net) => (await net.listenAndServe("ws", "127.0.0.1:0/mesh")).address));
for (const net of nets) void answer(net.bind("", "tapped"));
process.on("disconnect", () => void Promise.all(nets.map((net) => net.close())));
process.send?.({ encrypted, clear });
