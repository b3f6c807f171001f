import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { Conn } from "./conn.ts";
import type { DialHeader } from "./dial-header.ts";
import type { Listener } from "./port-types.ts";

/** A dial that waits for `accept`. */
interface Waiting {
  readonly stream: Stream;
  readonly header: DialHeader;
}

interface Acceptor {
  settle(waiting: Waiting): void;
  fail(error: AstraError): void;
}

/** What a PortListener is made with. */
export interface PortListenerInit {
  readonly id: NodeId;
  readonly port: number;
  readonly service: string | undefined;
  readonly env: string;
  readonly backlog: number;
  /** Push mode. */
  readonly onconn: ((conn: Conn) => void) | undefined;
  /** Called once when it begins to drain or closes, whichever is first. */
  ondrain(): void;
  /** Called once when it closes: frees the port. */
  onclose(): void;
}

/** The one Listener there is: `open` (takes dials) → `draining` (hands out what waits) → `closed`. */
export class PortListener implements Listener {
  readonly id: NodeId;
  readonly port: number;
  readonly service: string | undefined;
  readonly env: string;
  readonly closed: Promise<void>;
  readonly #init: PortListenerInit;
  readonly #waiting = new Set<Waiting>();
  readonly #acceptors = new Set<Acceptor>();
  #state: "open" | "draining" | "closed" = "open";
  #resolveClosed: () => void = () => undefined;

  constructor(init: PortListenerInit) {
    this.#init = init;
    this.id = init.id;
    this.port = init.port;
    this.service = init.service;
    this.env = init.env;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  get address(): string {
    return `${this.id}:${this.port}`;
  }

  /** Takes a dial in, or refuses it; then the dialler may try another provider. */
  offer(stream: Stream, header: DialHeader): void {
    if (this.#state !== "open") {
      stream.refuse(`${this.address} takes no more dials`);
      return;
    }
    const waiting: Waiting = { stream, header };
    if (this.#init.onconn !== undefined) {
      this.#push(this.#init.onconn, this.#hand(waiting));
      return;
    }
    const acceptor = this.#acceptors.values().next();
    if (acceptor.done !== true) {
      this.#acceptors.delete(acceptor.value);
      acceptor.value.settle(waiting);
      return;
    }
    if (this.#waiting.size >= this.#init.backlog) {
      stream.refuse(`${this.#init.backlog} dials wait at ${this.address} already`);
      return;
    }
    this.#waiting.add(waiting);
    // A dial that was given up makes room.
    const forget = (): void => {
      if (this.#waiting.delete(waiting)) this.#closeWhenDrained();
    };
    stream.closed.then(forget, forget);
  }

  accept(options: { signal?: AbortSignal } = {}): Promise<Conn> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      if (this.#init.onconn !== undefined) {
        reject(new AstraError("ERR_ASTRANET_INVALID_STATE", `the Conns of the listener at ${this.address} go to onconn`));
        return;
      }
      const [waiting] = this.#waiting;
      if (waiting !== undefined) {
        this.#waiting.delete(waiting);
        resolve(this.#hand(waiting));
        this.#closeWhenDrained();
        return;
      }
      if (this.#state !== "open") {
        reject(this.#closedError());
        return;
      }
      const acceptor: Acceptor = {
        settle: (taken) => {
          signal?.removeEventListener("abort", aborted);
          resolve(this.#hand(taken));
        },
        fail: (error) => {
          signal?.removeEventListener("abort", aborted);
          reject(error);
        },
      };
      const aborted = (): void => {
        this.#acceptors.delete(acceptor);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#acceptors.add(acceptor);
    });
  }

  drain(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "draining";
      this.#init.ondrain();
      // Whoever waits for a dial waits in vain.
      this.#failAcceptors();
      this.#closeWhenDrained();
    }
    return this.closed;
  }

  close(): Promise<void> {
    if (this.#state === "closed") return this.closed;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    if (wasOpen) this.#init.ondrain();
    this.#init.onclose();
    for (const { stream } of this.#waiting) stream.refuse(`the listener at ${this.address} was closed`);
    this.#waiting.clear();
    this.#failAcceptors();
    this.#resolveClosed();
    return this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Conn, void, undefined> {
    try {
      for (;;) {
        let conn: Conn;
        try {
          conn = await this.accept();
        } catch (error) {
          if (AstraError.is(error, "ERR_ASTRANET_INVALID_STATE")) return;
          throw error;
        }
        yield conn;
      }
    } finally {
      await this.close();
    }
  }

  #hand({ stream, header }: Waiting): Conn {
    stream.accept();
    return new Conn(stream, {
      localAddress: { id: this.id, port: this.port },
      remoteAddress: header.from,
      service: header.service,
      env: header.env,
      trace: header.trace,
    });
  }

  /** The handler's mistakes are its own: neither the link nor other Conns suffer. */
  #push(onconn: (conn: Conn) => void, conn: Conn): void {
    try {
      onconn(conn);
    } catch (error) {
      conn.reset();
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #failAcceptors(): void {
    for (const acceptor of this.#acceptors) acceptor.fail(this.#closedError());
    this.#acceptors.clear();
  }

  #closeWhenDrained(): void {
    if (this.#state === "draining" && this.#waiting.size === 0) void this.close();
  }

  #closedError(): AstraError {
    return new AstraError("ERR_ASTRANET_INVALID_STATE", `the listener at ${this.address} is ${this.#state}`);
  }
}
