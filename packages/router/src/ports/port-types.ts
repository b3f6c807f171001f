import type { NodeId } from "../node-id.ts";
import type { Conn } from "./conn.ts";

/** One end of a Conn: a node and a virtual port. */
export interface ConnAddress {
  readonly id: NodeId;
  readonly port: number;
}

/** What {@link Router.bind} takes. */
export interface BindInit {
  /** 1 to 4,294,967,295, or 0 (also when left out) for a free one. */
  readonly port?: number;
  /** The service's name, where the listener has one. Valid by the caller's word: the router compares it, and no more. */
  readonly service?: string;
  /** The namespace of `service`. Default "". */
  readonly env?: string;
  /** Dials that may wait for `accept`. Default 1,024; beyond it they are refused with a retryable ECONNREFUSED. */
  readonly backlog?: number;
  /**
   * Takes each Conn as its dial comes, instead of `accept`: nothing waits, so there is no backlog. What it throws is an uncaught
   * exception, and that Conn is reset.
   */
  readonly onconn?: (conn: Conn) => void;
  /** Called once, synchronously, when the listener begins to drain or closes, whichever is first: the place to withdraw its service. */
  readonly ondrain?: () => void;
  /** Called once, synchronously, when the listener closes. */
  readonly onclose?: () => void;
}

/** Takes the dials of one virtual port. Also an async iterable of Conns that ends when it closes; leaving the loop early closes it. */
export interface Listener extends AsyncIterable<Conn>, AsyncDisposable {
  readonly id: NodeId;
  readonly port: number;
  /** `id:port`: dialling it reaches this very listener. */
  readonly address: string;
  readonly service: string | undefined;
  readonly env: string;
  /** Resolves when the listener is closed; never rejects. */
  readonly closed: Promise<void>;
  /**
   * The next Conn; its dial resolves at the other end now. Rejects with ERR_ASTRANET_INVALID_STATE once the listener is closed.
   * After an abort nothing is taken: the next dial goes to the next `accept`.
   */
  accept(options?: { signal?: AbortSignal }): Promise<Conn>;
  /** Refuses new dials from now on, still hands out those that wait, and closes when none is left. Resolves then. */
  drain(): Promise<void>;
  /** Refuses the dials that wait, retryable, and frees the port at once. Conns handed out go on. */
  close(): Promise<void>;
}

/** What {@link Router.connect} takes besides the target. */
export interface ConnectOptions {
  /** The name that led here. The far side refuses, retryable, when its listener at that port has another one. */
  readonly service?: string;
  readonly env?: string;
  /** 0 first … 7 last. Default 3. */
  readonly urgency?: number;
  /** W3C trace context, handed to the listener's side; at most 512 characters. */
  readonly trace?: string;
  /** The public key, 32 bytes, that the node must have: EACCES where it has another one. ERR_ASTRANET_INSECURE where links are in clear. */
  readonly peerKey?: Uint8Array;
  /** Rejects with ETIMEDOUT when the other side has not accepted by then. Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}
