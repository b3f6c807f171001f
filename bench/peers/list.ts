import type { WorkName } from "../work/work.ts";

/** A row of the table. */
export interface PeerInfo {
  readonly name: string;
  /** What the row is called: package and version. */
  readonly label: string;
  readonly language: "js" | "go";
  /** The works it takes part in. */
  readonly works: readonly WorkName[];
  /** Each of its streams is a socket of its own. */
  readonly sockets?: boolean;
  /** Works it cannot do, and why. */
  readonly cannot?: Partial<Record<WorkName, string>>;
  /** Idle streams of work D, where fewer than the default have to do. */
  readonly idle?: number;
}

const muxWorks = ["A", "B", "C", "D", "E", "E2", "F"] as const;
const safeWorks = ["G", "G2", "G3"] as const;
const relayWorks = ["H", "H2", "I"] as const;
const linkWorks = ["J", "J2"] as const;
const processWorks = ["K"] as const;
const flowWorks = ["L", "L2"] as const;
const callWorks = ["M"] as const;

const OPEN_IS_LINEAR = 10_000;
const bareSocket = { D: "each stream is a socket: the limit of file descriptors comes first" };

/** Every peer, ours first. Raw is what the ratios are taken against. */
export const peers: readonly PeerInfo[] = [
  { name: "astranet", label: "astranet", language: "js", works: muxWorks, idle: 1_000_000 },
  { name: "astranet-push", label: "astranet, push mode", language: "js", works: muxWorks, idle: 1_000_000 },
  { name: "raw", label: "node:net", language: "js", works: muxWorks, sockets: true, cannot: bareSocket },
  { name: "raw-corked", label: "node:net, corked", language: "js", works: muxWorks, sockets: true, cannot: bareSocket },
  { name: "http2", label: "node:http2", language: "js", works: muxWorks },
  { name: "http2-16m", label: "node:http2, 16 MiB windows", language: "js", works: muxWorks },
  { name: "libp2p-yamux7", label: "@chainsafe/libp2p-yamux 7.0.4", language: "js", works: muxWorks, idle: OPEN_IS_LINEAR },
  { name: "libp2p-yamux8", label: "@libp2p/yamux 8.0.3", language: "js", works: muxWorks, idle: OPEN_IS_LINEAR },
  { name: "libp2p-mplex", label: "@libp2p/mplex 12.0.32", language: "js", works: muxWorks, idle: OPEN_IS_LINEAR },
  { name: "multiplex", label: "multiplex 6.7.0", language: "js", works: muxWorks, idle: OPEN_IS_LINEAR },
  { name: "bpmux", label: "bpmux 8.2.1", language: "js", works: muxWorks, idle: OPEN_IS_LINEAR },
  { name: "protomux", label: "protomux 3.12.1", language: "js", works: muxWorks },
  { name: "go-yamux", label: "Go hashicorp/yamux", language: "go", works: muxWorks },
  { name: "go-smux", label: "Go xtaci/smux", language: "go", works: muxWorks },
  { name: "astranet-node", label: "astranet, encrypted", language: "js", works: [...safeWorks, ...relayWorks, ...linkWorks] },
  { name: "astranet-clear", label: "astranet, insecure", language: "js", works: relayWorks },
  { name: "astranet-noise", label: "@astranet/mux over @astranet/noise", language: "js", works: [...safeWorks, ...linkWorks] },
  { name: "tls", label: "node:tls 1.3, AES-256-GCM", language: "js", works: [...safeWorks, ...linkWorks], sockets: true },
  { name: "proxy", label: "Node proxy of two sockets", language: "js", works: relayWorks, sockets: true },
  { name: "tls-proxy", label: "Node proxy, TLS in TLS", language: "js", works: relayWorks, sockets: true },
  { name: "libp2p", label: "libp2p 3.3.11", language: "js", works: [...safeWorks, ...linkWorks] },
  { name: "libp2p-noise", label: "@libp2p/yamux 8.0.3 over noise 17.0.3", language: "js", works: [...safeWorks, ...linkWorks] },
  { name: "astranet-pipe", label: "@astranet/channel, rendezvous", language: "js", works: processWorks },
  { name: "astranet-pipe-64", label: "@astranet/channel, capacity 64", language: "js", works: processWorks },
  { name: "generator", label: "async generator", language: "js", works: processWorks },
  { name: "message-port", label: "MessageChannel", language: "js", works: processWorks },
  { name: "astranet-channel", label: "@astranet/channel", language: "js", works: [...flowWorks, ...callWorks] },
  { name: "astranet-rpc", label: "@astranet/channel, client and serve", language: "js", works: callWorks },
  { name: "grpc", label: "@grpc/grpc-js 1.14.7", language: "js", works: [...flowWorks, ...callWorks] },
  { name: "socket-io", label: "socket.io 4.8.4", language: "js", works: [...flowWorks, ...callWorks] },
  { name: "muxrpc", label: "muxrpc 8.0.0", language: "js", works: [...flowWorks, ...callWorks] },
];
