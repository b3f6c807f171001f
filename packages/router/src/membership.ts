import type { Link } from "./link/link-types.ts";
import type { NodeId } from "./node-id.ts";

/** Delays between the attempts of a membership: exponential, each drawn between 0 and the current bound ("full jitter"). */
export interface RetryOptions {
  /** First bound. Default 500. */
  readonly minDelayMs?: number;
  /** Largest bound. Default 30,000. */
  readonly maxDelayMs?: number;
}

/** What {@link Router.join} takes besides the address. */
export interface JoinOptions {
  /** Ends the attempt to join. Has no effect once `join` has resolved. */
  readonly signal?: AbortSignal;
  /** false: the first failure of any kind rejects, and a lost link is not dialled again. */
  readonly retry?: false | RetryOptions;
}

/** The standing wish to be linked with whoever answers at an address. */
export interface Membership extends AsyncDisposable {
  readonly network: string;
  readonly address: string;
  /** Who answered last. */
  readonly peer: NodeId;
  /** The link it keeps; undefined while it dials again, or while a link of the other direction serves. */
  readonly link: Link | undefined;
  /** Resolves when the membership is over: closed, the router closed, or the address turned out to be this node. */
  readonly closed: Promise<void>;
  /** No further dials; the link drains. */
  close(): Promise<void>;
}
