import type { Server } from "node:http";
import type { Listener } from "@astranet/router";
import { toDuplex } from "./to-duplex.ts";

/**
 * Serves what comes to a listener with an `http.Server`, or with anything else that takes sockets by its event 'connection' (https, http2, ws).
 * The server need not listen anywhere itself; one that does not has, as Node makes it, no `headersTimeout`, no `requestTimeout` and no
 * `closeIdleConnections`. To stop, close the listener: requests that run go on. `close` of the server closes it too, but tells its callback ERR_SERVER_NOT_RUNNING,
 * as Node does of a server that does not listen.
 */
export function serveHttp(listener: Listener, httpServer: Pick<Server, "emit" | "once" | "off">): void {
  const stop = (): void => void listener.close();
  httpServer.once("close", stop);
  void listener.closed.then(() => httpServer.off("close", stop));
  void serve(listener, httpServer);
}

async function serve(listener: Listener, httpServer: Pick<Server, "emit">): Promise<void> {
  // In a tick of its own: what the server throws is an uncaught exception, and the next connection is taken all the same.
  for await (const conn of listener) process.nextTick(() => httpServer.emit("connection", toDuplex(conn)));
}
