import type { NodeId } from "../node-id.ts";

/** Where a link is in its life. It only ever moves to the right. */
export type LinkState = "dialing" | "handshake" | "up" | "draining" | "closed";

/**
 * A connection to a neighbour, from the moment it was attached, dialled or accepted.
 * Nothing here has to be awaited: rejections of `ready` and `closed` are marked as handled.
 */
export interface Link extends AsyncDisposable {
  /** The neighbour's id; undefined until `ready`. */
  readonly peer: NodeId | undefined;
  readonly state: LinkState;
  /** Whether this side dialled. Undefined where `attach` was not told and the handshake has not decided yet. */
  readonly initiator: boolean | undefined;
  /** What the transport calls the two ends. */
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Resolves with the neighbour's id when the link is up; rejects with what stopped it before that. */
  readonly ready: Promise<NodeId>;
  /** Resolves when the link is over after a clean end; rejects with what broke it. */
  readonly closed: Promise<void>;
  /** Round trip in milliseconds, from the handshake at first and then as the session measures it; undefined until `ready`. */
  readonly rttMs: number | undefined;
  /** Streams open on it now, the link's own control stream left out. */
  readonly streamCount: number;
  /** Takes no new streams, lets running ones finish for 5 s at most, then ends. Resolves when the link is over. */
  close(): Promise<void>;
}
