import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { AstraError } from "@astranet/transport";
import type { Network } from "../address.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import type { Settings } from "../settings.ts";
import { Pending } from "./pending.ts";
import { pathOf } from "./upgrades.ts";

/** A server for nothing but upgrades at one path. */
export interface OwnServer {
  readonly server: Server;
  /** Must be called of what became a WebSocket: it may stay. */
  upgraded(socket: Socket): void;
  /** Accepts no more, and hangs up on who is within a handshake. */
  close(): void;
}

export function createOwnServer(network: Network, path: string, settings: Settings): OwnServer {
  const common = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: settings.handshakeTimeoutMs, requestTimeout: settings.handshakeTimeoutMs, noDelay: true };
  const onrequest = (request: IncomingMessage, response: ServerResponse): void => {
    const isHere = pathOf(request) === path;
    // RFC 9110, 15.5.22: 426 names what to upgrade to.
    const headers = isHere ? { Connection: "Upgrade, close", Upgrade: "websocket" } : { Connection: "close" };
    response.writeHead(isHere ? 426 : 404, { ...headers, "Content-Type": "text/plain; charset=utf-8" });
    response.end(isHere ? "this is a WebSocket of astranet\n" : "nothing here\n");
  };
  const server = network === "ws" ? createHttpServer(common, onrequest) : createTlsServer({ ...common, handshakeTimeout: settings.handshakeTimeoutMs }, settings, onrequest);
  const pending = new Pending(settings);
  // Of TLS too this is the socket underneath, so that handshakes of all kinds are counted.
  server.on("connection", (socket: Socket) => {
    pending.add(socket);
  });
  return {
    server,
    upgraded: (socket) => {
      pending.remove(socket);
    },
    close: () => {
      server.close();
      pending.destroyAll();
    },
  };
}

function createTlsServer(common: object, settings: Settings, onrequest: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const tls = settings.tls?.server;
  if (tls === undefined) throw new AstraError("EINVAL", "to listen on 'wss' the transport needs tls.server with a certificate and its key, or an https.Server as server");
  try {
    return createHttpsServer({ ...(tls as object), ...common }, onrequest);
  } catch (error) {
    throw new AstraError("EINVAL", `tls.server is not usable: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
