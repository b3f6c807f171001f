import { EventEmitter } from "node:events";
import { AstraError } from "@astranet/transport";
import type { StreamSocket } from "./stream-socket.ts";

/** Takes a socket; an `http.Server` does: `(socket) => server.emit("connection", socket)`. */
export type ConnectionListener = (socket: StreamSocket) => void;

interface ServerEvents {
  connection: [socket: StreamSocket];
  listening: [];
  close: [];
  error: [error: Error];
}

/** What accepts sockets, with the events and methods of a `net.Server`: 'connection' for each, and 'close' when no more will come and those that came are closed. */
export abstract class SocketServer extends EventEmitter<ServerEvents> implements AsyncDisposable {
  readonly #sockets = new Set<StreamSocket>();
  #accepting = false;
  #closed = false;

  /** Makes `accept` reject. */
  protected abstract stop(): void;

  /** Whether more sockets may come. */
  get listening(): boolean {
    return this.#accepting;
  }

  /** Calls back with how many sockets are open. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#sockets.size);
    return this;
  }

  /** Takes no more sockets; those that are open go on. `callback` is called at 'close'. */
  close(callback?: () => void): this {
    if (callback !== undefined) {
      if (this.#closed) process.nextTick(callback);
      else this.once("close", callback);
    }
    this.stop();
    return this;
  }

  /** Nothing to do: what keeps the process alive are the connections underneath. */
  ref(): this {
    return this;
  }

  /** Nothing to do: what keeps the process alive are the connections underneath. */
  unref(): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.close(resolve));
  }

  /** Takes what `accept` gives until it rejects. That is how a server ends, and told by 'close'; only a misuse is an 'error'. */
  protected async run(accept: () => Promise<StreamSocket>, isMisuse: (error: unknown) => boolean = () => false): Promise<void> {
    this.#accepting = true;
    this.#closed = false;
    try {
      for (;;) {
        const socket = await accept();
        // In a tick of its own: what a listener throws is an uncaught exception, and the next socket is taken all the same.
        process.nextTick(() => this.#take(socket));
      }
    } catch (error) {
      if (isMisuse(error)) this.emit("error", error as Error);
      else if (!AstraError.is(error)) throw error;
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
