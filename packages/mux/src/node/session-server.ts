import { EventEmitter } from "node:events";
import { AstraError } from "@astranet/transport";
import type { Session } from "../session.ts";
import type { DuplexOptions } from "./byte-stream.ts";
import type { StreamSocket } from "./stream-socket.ts";
import { toDuplex } from "./to-duplex.ts";

/** Takes a socket; an `http.Server` does: `(socket) => server.emit("connection", socket)`. */
export type ConnectionListener = (socket: StreamSocket) => void;

interface ServerEvents {
  connection: [socket: StreamSocket];
  close: [];
  error: [error: Error];
}

/**
 * The streams that the peer of a session opens, as a `net.Server` gives sockets: 'connection' for each, and 'close' when no
 * more will come and those that came are closed. {@link listener} makes it.
 */
export class SessionServer extends EventEmitter<ServerEvents> implements AsyncDisposable {
  readonly #session: Session;
  readonly #sockets = new Set<StreamSocket>();
  #accepting = true;
  #closed = false;

  constructor(session: Session, options: DuplexOptions) {
    super();
    this.#session = session;
    void this.#accept(options);
  }

  /** Whether more sockets may come. */
  get listening(): boolean {
    return this.#accepting;
  }

  /** The local address of the session's connection. */
  address(): string {
    return this.#session.localAddress;
  }

  /** Calls back with how many sockets are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    const count = this.#sockets.size;
    process.nextTick(callback, null, count);
    return this;
  }

  /**
   * Takes no more streams (the session says GOAWAY: the peer may open no other, and ends the session once its streams are
   * done). Sockets that are open go on. `callback` is called at 'close'.
   */
  close(callback?: () => void): this {
    if (callback !== undefined) {
      if (this.#closed) process.nextTick(callback);
      else this.once("close", callback);
    }
    this.#session.goAway();
    return this;
  }

  /** Nothing to do: what keeps the process alive is the session's connection. */
  ref(): this {
    return this;
  }

  /** Nothing to do: what keeps the process alive is the session's connection. */
  unref(): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.close(resolve));
  }

  async #accept(options: DuplexOptions): Promise<void> {
    try {
      for (;;) {
        const socket = toDuplex(await this.#session.accept(), options);
        // In a tick of its own: what a listener throws is an uncaught exception, and the next stream is taken all the same.
        process.nextTick(() => this.#take(socket));
      }
    } catch (error) {
      // That the session ended is told by 'close', and in detail by `session.closed`.
      if (AstraError.is(error, "ERR_ASTRANET_INVALID_STATE")) this.emit("error", error);
    }
    process.nextTick(() => {
      this.#accepting = false;
      this.#closeIfDone();
    });
  }

  #take(socket: StreamSocket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#closeIfDone();
    });
    this.emit("connection", socket);
  }

  #closeIfDone(): void {
    if (this.#accepting || this.#closed || this.#sockets.size > 0) return;
    this.#closed = true;
    this.emit("close");
  }
}

/**
 * A session as what servers take connections from: `listener(session, (socket) => httpServer.emit("connection", socket))`.
 * Accepts from now on; nobody else may accept from the session, and it must have no `onstream`.
 */
export function listener(session: Session, onconnection?: ConnectionListener): SessionServer;
export function listener(session: Session, options: DuplexOptions, onconnection?: ConnectionListener): SessionServer;
export function listener(session: Session, first: DuplexOptions | ConnectionListener = {}, second?: ConnectionListener): SessionServer {
  const [options, onconnection] = typeof first === "function" ? [{}, first] : [first, second];
  const server = new SessionServer(session, options);
  if (onconnection !== undefined) server.on("connection", onconnection);
  return server;
}
