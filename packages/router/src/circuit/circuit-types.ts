import type { Session, SessionOptions, Stream } from "@astranet/mux";
import type { Clock, Connection, RandomSource } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";

/** A way through the network. */
export interface CircuitPath {
  /** This node first, the target last. */
  readonly ids: readonly NodeId[];
  /** About its round trip, in milliseconds. */
  readonly cost: number;
}

/** One step of a path. */
export interface CircuitEdge {
  readonly from: NodeId;
  readonly to: NodeId;
}

/** Where paths come from, and who hears how they did. */
interface CircuitPaths {
  /** The path to take now, which uses none of `avoid`; undefined where there is none. */
  choose(to: NodeId, avoid: readonly CircuitEdge[]): CircuitPath | undefined;
  /** A circuit over this edge failed: others had better go around it for a while. */
  failed(edge: CircuitEdge): void;
}

/** What the two ends of a circuit know before they have proved anything to each other. */
export interface SecureCircuitInit {
  /** Whether this end opened the circuit. */
  readonly initiator: boolean;
  /** Who the other end must be: nobody on the way vouches for it. */
  readonly peer: NodeId;
  /** The same bytes at both ends, of no other circuit: what a handshake binds itself to. */
  readonly prologue: Uint8Array;
}

/** A circuit that others want to lead through this node. */
export interface RelayRequest {
  /** Who opened it, by the word of the nodes before; `previous` alone has proved who it is. */
  readonly from: NodeId;
  readonly to: NodeId;
  readonly previous: NodeId;
  readonly next: NodeId;
}

/** What circuits tell their node, synchronously. */
export type CircuitEvent =
  | { readonly type: "circuitup"; readonly peer: NodeId; readonly path: readonly NodeId[]; readonly initiator: boolean }
  /** `error` is undefined after a clean end. */
  | { readonly type: "circuitdown"; readonly peer: NodeId; readonly path: readonly NodeId[]; readonly initiator: boolean; readonly error: unknown }
  /** A circuit of others was not carried. */
  | { readonly type: "relayrefused"; readonly request: RelayRequest; readonly reason: string };

/** What {@link Circuits} is made with. */
export interface CircuitsOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Whether this node carries circuits of others. */
  readonly relays: () => boolean;
  /** Whether it takes no new ones for now. */
  readonly overloaded: () => boolean;
  /** The link to a neighbour that new streams take; never a circuit. */
  readonly link: (id: NodeId) => { readonly session: Session } | undefined;
  readonly paths: CircuitPaths;
  /** Makes a connection between the two ends alone out of a circuit: the same connection where nothing is encrypted. Rejects for anybody but `peer`. */
  readonly secure: (connection: Connection, init: SecureCircuitInit) => Promise<Connection>;
  /** A dial came over a circuit from `peer`. Throws ERR_ASTRANET_PROTOCOL for a malformed one. */
  readonly dial: (stream: Stream, peer: NodeId) => void;
  /** Whether to carry a circuit of others. Default: all. */
  readonly authorizeRelay?: ((request: RelayRequest) => boolean | Promise<boolean>) | undefined;
  /** More for the sessions over circuits. */
  readonly session?: Omit<SessionOptions, "role" | "wire" | "onstream" | "manualAccept" | "clock">;
  readonly limits?: Partial<CircuitLimits>;
  readonly emit?: (event: CircuitEvent) => void;
}

/** Every limit of circuits; beyond each there is a typed failure. */
export interface CircuitLimits {
  /** Circuits that end here or lead through here, opened by others. Beyond: `overloaded`. Default 16,384. */
  readonly maxCircuits: number;
  /** Circuits of others that one neighbour may lead through here. Beyond: `overloaded`. Default 1,024. */
  readonly maxCircuitsPerPeer: number;
  /** Circuits that one node may hold open to this one at once. Beyond: `overloaded`. Default 4. */
  readonly maxCircuitsPerPair: number;
  /** New circuits a second from one neighbour, in the long run. Beyond: `overloaded`. Default 200. */
  readonly opensPerSecond: number;
  /** … and at once. Default 1,024. */
  readonly openBurst: number;
  /** Traces a second from one neighbour. Beyond: `overloaded`. Default 10. */
  readonly tracesPerSecond: number;
  /**
   * Bytes of others' circuits that lie here, all together. Over half: no new circuits, and no credit for those with more than 64 KiB here.
   * Beyond: those with most are reset, `overloaded`. Buffers that are kept alive by a part of them may add half as much. Default 67,108,864.
   */
  readonly maxRelayBytes: number;
  /** Paths that are tried for one circuit. Default 3. */
  readonly maxTries: number;
  /** All tries together fail with ETIMEDOUT after so long. Default 10,000. */
  readonly openTimeoutMs: number;
  /** The far end gives up a handshake that is not done by then. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** A circuit without streams is closed by its opener after so long, up to a quarter later. Default 60,000. */
  readonly idleTimeoutMs: number;
  /** A circuit of others over which nothing moves is reset after so long, `timed-out`. Default 600,000. */
  readonly relayIdleTimeoutMs: number;
  /** … and one that the far end has not answered. Default 30,000. */
  readonly answerTimeoutMs: number;
}

export const defaultCircuitLimits: CircuitLimits = {
  maxCircuits: 16_384,
  maxCircuitsPerPeer: 1024,
  maxCircuitsPerPair: 4,
  opensPerSecond: 200,
  openBurst: 1024,
  tracesPerSecond: 10,
  maxRelayBytes: 67_108_864,
  maxTries: 3,
  openTimeoutMs: 10_000,
  handshakeTimeoutMs: 5000,
  idleTimeoutMs: 60_000,
  relayIdleTimeoutMs: 600_000,
  answerTimeoutMs: 30_000,
};

/** The figures of this moment. */
export interface CircuitStats {
  /** Circuits that this node opened, and that end here. */
  readonly opened: number;
  readonly accepted: number;
  /** Circuits of others that lead through here. */
  readonly relayed: number;
  /** Bytes of others that lie here. */
  readonly relayBytes: number;
  /** Bytes of others that were carried, ever. */
  readonly carriedBytes: number;
  /** Circuits of others that were refused, ever. */
  readonly refused: number;
  /** Circuits of others that were reset because their bytes were too many, ever. */
  readonly shed: number;
}
