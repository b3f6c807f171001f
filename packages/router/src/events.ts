import type { AstraError } from "@astranet/transport";
import type { CircuitEvent } from "./circuit/circuit-types.ts";
import type { Link } from "./link/link-types.ts";
import type { NodeId } from "./node-id.ts";

/** What a router tells its subscribers, synchronously, in the order in which it happened. */
export type RouterEvent =
  | { readonly type: "linkup"; readonly link: Link; readonly peer: NodeId }
  /** A link that was up is over. `error` is undefined after a clean end. */
  | { readonly type: "linkdown"; readonly link: Link; readonly peer: NodeId; readonly error: AstraError | undefined }
  /** A link ended before it was up: wrong protocol, refused, timed out, a connection to itself … */
  | { readonly type: "linkerror"; readonly link: Link; readonly error: AstraError }
  /** An attempt of a membership failed. `retryInMs` is undefined when there will be no other. */
  | {
      readonly type: "joinerror";
      readonly network: string;
      readonly address: string;
      readonly error: AstraError;
      readonly retryInMs: number | undefined;
    }
  /** A connection was turned away before its handshake, because a limit was reached. */
  | { readonly type: "refused"; readonly remoteAddress: string; readonly error: AstraError }
  /** A neighbour's record was refused, because a limit was reached. */
  | { readonly type: "recordrefused"; readonly peer: NodeId; readonly error: AstraError }
  /** A node became reachable, or unreachable (`cost` undefined). */
  | { readonly type: "reachability"; readonly id: NodeId; readonly cost: number | undefined }
  | CircuitEvent;
