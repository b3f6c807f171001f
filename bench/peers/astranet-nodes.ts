import { AstraNet, type AstraNetOptions, type Conn } from "astranet";
import { PromiseStream } from "./astranet.ts";
import type { BenchLink, BenchStream, Peer } from "./peer.ts";

const SERVICE = "bench";

/** Who links how often is limited by default; J2 measures how often it could. */
const limits = { handshakesPerSecond: 1e6, handshakeBurst: 1e6, maxPendingHandshakes: 100_000, maxPendingPerHost: 100_000, maxDials: 1_000 };

async function serve(net: AstraNet, onstream: (stream: BenchStream) => void): Promise<void> {
  for await (const { stream } of net.bind(SERVICE)) onstream(new PromiseStream(stream));
}

async function listening(net: AstraNet): Promise<number> {
  const { address } = await net.listenAndServe("tcp4", "127.0.0.1:0");
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

const addressOf = (port: number): string => `127.0.0.1:${String(port)}`;

/** Links `net` with who listens there; the server may be that node, or one behind it. */
async function link(net: AstraNet, port: number): Promise<BenchLink> {
  const membership = await net.join("tcp4", addressOf(port), { retry: false });
  const { id } = await net.waitFor(SERVICE);
  const hops = net.routes().find((route) => route.id === id)?.hops;
  const open = async (): Promise<PromiseStream> => {
    const conn: Conn = await net.dial("", SERVICE);
    return new PromiseStream(conn.stream);
  };
  return { open, close: () => membership.close(), ...(hops === undefined ? {} : { hops }) };
}

/** Whole nodes, as an application has them: the server's binds a name, the client's dials it, the relay's does nothing but be there. */
export function nodesPeer(safety: Pick<AstraNetOptions, "secret" | "insecure">): Peer {
  const options: AstraNetOptions = { ...safety, limits };
  return {
    listen(onstream) {
      const net = new AstraNet({ ...options, role: "server" });
      void serve(net, onstream);
      return listening(net);
    },
    dial: (port) => link(new AstraNet({ ...options, role: "client" }), port),
    async relay(target) {
      const net = new AstraNet({ ...options, role: "router" });
      await net.join("tcp4", addressOf(target));
      return listening(net);
    },
    dialler() {
      const net = new AstraNet({ ...options, role: "client" });
      return Promise.resolve((port) => link(net, port));
    },
  };
}
