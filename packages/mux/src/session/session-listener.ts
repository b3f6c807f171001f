import { AstraError, type Connection, type Transport, type TransportListener } from "@astranet/transport";
import { Deferred, onAbort, rejected } from "../deferred.ts";
import type { SessionOptions } from "./options.ts";
import { Session } from "./session.ts";

export interface SessionListenerOptions extends Omit<SessionOptions, "role"> {
  /** Sessions that wait for `accept()`. Default 1,024. Beyond: the connection is aborted. */
  readonly backlog?: number;
}

/** Listens with a transport and makes a server session of each connection. What muxado called Listen. */
export class SessionListener implements AsyncDisposable {
  /** Resolves with the bound address, which `Session.dial` takes unchanged; rejects if it cannot listen. Marked as handled. */
  readonly listening: Promise<string>;
  /** Resolves when it no longer accepts. */
  readonly closed: Promise<void>;
  readonly #options: SessionListenerOptions;
  readonly #listener: Promise<TransportListener>;
  readonly #sessions: Session[] = [];
  readonly #waiters: Set<Deferred<Session>> = new Set<Deferred<Session>>();
  readonly #closed: Deferred<undefined> = new Deferred<undefined>();
  #error: AstraError | undefined;

  constructor(transport: Transport, network: string, address: string, options: SessionListenerOptions = {}) {
    this.#options = options;
    this.closed = this.#closed.promise;
    this.#listener = this.#listen(transport, network, address);
    this.listening = this.#listener.then((listener) => listener.address);
    this.listening.catch((error: unknown) => {
      this.#end(AstraError.is(error) ? error : new AstraError("EINVAL", "cannot listen", { cause: error }));
    });
  }

  /** The next session. If it is aborted no session is lost. Rejects with ERR_ASTRANET_SESSION_CLOSED after `close`, or with why it cannot listen. */
  accept(options?: { readonly signal?: AbortSignal }): Promise<Session> {
    const signal = options?.signal;
    if (signal?.aborted === true) return rejected(signal.reason);
    const session = this.#sessions.shift();
    if (session !== undefined) return Promise.resolve(session);
    if (this.#error !== undefined) return rejected(this.#error);
    const waiter = new Deferred<Session>();
    this.#waiters.add(waiter);
    if (signal !== undefined) {
      const cleanup = onAbort(signal, (reason) => {
        this.#waiters.delete(waiter);
        waiter.reject(reason);
      });
      waiter.promise.then(cleanup, cleanup);
    }
    return waiter.promise;
  }

  /** Accepts until it is closed. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Session> {
    for (;;) {
      let session: Session;
      try {
        session = await this.accept();
      } catch (error) {
        if (AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED")) return;
        throw error;
      }
      yield session;
    }
  }

  /** Accepts no more; sessions that nobody took are aborted, those that were go on. */
  async close(): Promise<void> {
    this.#end(new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the listener is closed"));
    for (const session of this.#sessions.splice(0)) session.abort(this.#error);
    await this.#listener.then((listener) => listener.close()).catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(transport: Transport, network: string, address: string): Promise<TransportListener> {
    if (transport.listen === undefined) throw new AstraError("EINVAL", `the transport for ${network} cannot listen`);
    return transport.listen(network, address, {
      onconnection: (connection) => {
        this.#accepted(connection);
      },
    });
  }

  #accepted(connection: Connection): void {
    const { backlog = 1_024, ...options } = this.#options;
    if (this.#error !== undefined || (this.#waiters.size === 0 && this.#sessions.length >= backlog)) {
      connection.abort(new AstraError("ECONNREFUSED", "the listener's backlog is full"));
      return;
    }
    const session = new Session(connection, { ...options, role: "server" });
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.resolve(session);
      return;
    }
    this.#sessions.push(session);
  }

  #end(error: AstraError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
    this.#closed.resolve(undefined);
  }
}
