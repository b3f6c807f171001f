import type { WorkName } from "../work/work.ts";

/** A row of the table. */
export interface PeerInfo {
  readonly name: string;
  /** What the row is called: package and version. */
  readonly label: string;
  readonly language: "js" | "go";
  /** Works it cannot do, and why. */
  readonly cannot?: Partial<Record<WorkName, string>>;
  /** Idle streams of work D, where fewer than the default have to do. */
  readonly idle?: number;
}

const OPEN_IS_LINEAR = 10_000;
const bareSocket = { D: "each stream is a socket: the limit of file descriptors comes first" };

/** Every peer, ours first. Raw is what the ratios are taken against. */
export const peers: readonly PeerInfo[] = [
  { name: "astranet", label: "astranet", language: "js", idle: 1_000_000 },
  { name: "astranet-push", label: "astranet, push mode", language: "js", idle: 1_000_000 },
  { name: "raw", label: "node:net", language: "js", cannot: bareSocket },
  { name: "raw-corked", label: "node:net, corked", language: "js", cannot: bareSocket },
  { name: "http2", label: "node:http2", language: "js" },
  { name: "http2-16m", label: "node:http2, 16 MiB windows", language: "js" },
  { name: "libp2p-yamux7", label: "@chainsafe/libp2p-yamux 7.0.4", language: "js", idle: OPEN_IS_LINEAR },
  { name: "libp2p-yamux8", label: "@libp2p/yamux 8.0.3", language: "js", idle: OPEN_IS_LINEAR },
  { name: "libp2p-mplex", label: "@libp2p/mplex 12.0.32", language: "js", idle: OPEN_IS_LINEAR },
  { name: "multiplex", label: "multiplex 6.7.0", language: "js", idle: OPEN_IS_LINEAR },
  { name: "bpmux", label: "bpmux 8.2.1", language: "js", idle: OPEN_IS_LINEAR },
  { name: "protomux", label: "protomux 3.12.1", language: "js" },
  { name: "go-yamux", label: "Go hashicorp/yamux", language: "go" },
  { name: "go-smux", label: "Go xtaci/smux", language: "go" },
];
