import { generateKeyPair } from "@libp2p/crypto/keys";
import { prefixLogger } from "@libp2p/logger";
import { noise } from "@libp2p/noise";
import { yamux } from "@libp2p/yamux";
import { SocketConnection } from "./libp2p-stream-muxer.ts";
import { Libp2pStream } from "./libp2p-stream.ts";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { BenchLink, Peer } from "./peer.ts";

type NoiseComponents = Parameters<ReturnType<typeof noise>>[0];

const MANY = 10_000_000;
const factory = yamux({ maxInboundStreams: MANY, maxOutboundStreams: MANY, maxEarlyStreams: 1_000_000 })();
/** Of the components noise uses no others: see its `noise.ts`. */
const components = {
  privateKey: await generateKeyPair("Ed25519"),
  logger: prefixLogger("bench"),
  upgrader: { getStreamMuxers: () => new Map([[factory.protocol, factory]]) },
} as unknown as NoiseComponents;
const encrypter = noise()(components);

async function dial(port: number): Promise<BenchLink> {
  const { connection } = await encrypter.secureOutbound(new SocketConnection(await dialLoopback(port), "outbound"));
  const muxer = factory.createStreamMuxer(connection);
  return { open: async () => new Libp2pStream(await muxer.createStream()), close: () => muxer.close() };
}

/** libp2p's noise and yamux over TCP, without a node: no protocol is negotiated, neither for the connection nor for its streams. */
export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      void encrypter.secureInbound(new SocketConnection(socket, "inbound")).then(({ connection }) => {
        factory.createStreamMuxer(connection).addEventListener("stream", (event) => {
          onstream(new Libp2pStream(event.detail));
        });
      });
    }),
  dial,
  dialler: () => Promise.resolve(dial),
};
