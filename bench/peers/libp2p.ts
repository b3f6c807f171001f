import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { Libp2pStream } from "./libp2p-stream.ts";
import type { BenchLink, Peer } from "./peer.ts";
import "./with-resolvers.ts";

const PROTOCOL = "/bench/1";
const MANY = 10_000_000;
const streams = { maxInboundStreams: MANY, maxOutboundStreams: MANY };

/** Limits on the number of streams and connections are lifted; all else is its own. */
function node(listen: string[]): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ ...streams, maxEarlyStreams: 1_000_000 })],
    connectionManager: { maxConnections: MANY, inboundConnectionThreshold: MANY, maxIncomingPendingConnections: MANY },
  });
}

async function link(client: Libp2p, port: number): Promise<BenchLink> {
  const connection = await client.dial(multiaddr(`/ip4/127.0.0.1/tcp/${String(port)}`));
  return {
    open: async () => new Libp2pStream(await connection.newStream(PROTOCOL, streams)),
    close: () => connection.close(),
  };
}

/** Whole libp2p nodes: TCP, noise, yamux, and multistream-select for the protocol of each stream. */
export const peer: Peer = {
  async listen(onstream) {
    const server = await node(["/ip4/127.0.0.1/tcp/0"]);
    await server.handle(
      PROTOCOL,
      (stream) => {
        onstream(new Libp2pStream(stream));
      },
      streams,
    );
    const [address] = server.getMultiaddrs();
    return Number(/\/tcp\/(\d+)/.exec(String(address))?.[1]);
  },
  dial: async (port) => link(await node([]), port),
  async dialler() {
    const client = await node([]);
    return (port) => link(client, port);
  },
};
