import type { NodeId } from "../node-id.ts";

/** One end of a Conn: a node and a virtual port. Prints as `id:port`. */
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

/** A stream between two nodes: the methods of a mux Stream, and who is at its ends. */
export interface Conn extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly localAddress: ConnAddress;
  readonly remoteAddress: ConnAddress;
  /** The name that was dialled; undefined where it was a port. */
  readonly service: string | undefined;
  /** The namespace of `service`. */
  readonly env: string;
  /** W3C trace context that came with the dial. */
  readonly trace: string | undefined;

  read(options?: { signal?: AbortSignal }): Promise<Uint8Array | null>;
  tryRead(): Uint8Array | null | undefined;
  write(data: Uint8Array | readonly Uint8Array[], options?: { signal?: AbortSignal }): Promise<void>;
  tryWrite(chunk: Uint8Array): boolean;
  ready(options?: { signal?: AbortSignal }): Promise<void>;
  end(chunk?: Uint8Array): Promise<void>;
  close(): Promise<void>;
  reset(code?: number, reason?: string): void;
  stop(code?: number): void;
  readonly closed: Promise<void>;
  setDeadline(atMs: number | undefined): void;
  setReadDeadline(atMs: number | undefined): void;
  setWriteDeadline(atMs: number | undefined): void;
  readonly readableLength: number;
  readonly writableLength: number;
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
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
  /** Default: none; the deadline is the caller's. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}
