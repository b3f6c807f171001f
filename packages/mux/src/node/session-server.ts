import { AstraError } from "@astranet/transport";
import type { Session } from "../session/session.ts";
import type { DuplexOptions } from "./byte-stream.ts";
import { type ConnectionListener, SocketServer } from "./socket-server.ts";
import { toDuplex } from "./to-duplex.ts";

/** The streams that the peer of a session opens, as a `net.Server` gives sockets. {@link listener} makes it. */
export class SessionServer extends SocketServer {
  readonly #session: Session;

  /** @internal */
  constructor(session: Session, options: DuplexOptions) {
    super();
    this.#session = session;
    const accept = async (): Promise<ReturnType<typeof toDuplex>> => toDuplex(await session.accept(), options);
    void this.run(accept, (error) => AstraError.is(error, "ERR_ASTRANET_INVALID_STATE"));
  }

  /** The local address of the session's connection. */
  address(): string {
    return this.#session.localAddress;
  }

  /** Says GOAWAY: the peer may open no more streams, and ends the session once those that run are done. */
  protected override stop(): void {
    this.#session.goAway();
  }
}

/**
 * A session as what servers take connections from: `listener(session, (socket) => httpServer.emit("connection", socket))`.
 * Accepts from now on; nobody else may accept from the session, and it must have no `onstream`.
 * `allowHalfOpen` is true by default, other than with `net.createServer`, as `http.Server` needs it: whoever reads to the end still has to `end()`.
 */
export function listener(session: Session, onconnection?: ConnectionListener): SessionServer;
export function listener(session: Session, options: DuplexOptions, onconnection?: ConnectionListener): SessionServer;
export function listener(session: Session, first: DuplexOptions | ConnectionListener = {}, second?: ConnectionListener): SessionServer {
  const [options, onconnection] = typeof first === "function" ? [{}, first] : [first, second];
  const server = new SessionServer(session, options);
  if (onconnection !== undefined) server.on("connection", onconnection);
  return server;
}
