import type { IncomingMessage } from "node:http";
import type { ListenInit } from "@astranet/transport";
import { WebSocketServer, type ServerOptions } from "ws";
import { SUBPROTOCOL } from "../limits.ts";
import type { Settings } from "../settings.ts";
import { answer } from "./answer.ts";
import { mayConnect } from "./origin.ts";
import { remoteAddressOf } from "./remote-address.ts";
import type { OnUpgrade } from "./upgrades.ts";
import { webSocketOptions } from "./web-socket-options.ts";
import { WsConnection } from "./ws-connection.ts";

/** Makes connections of requests for an upgrade, or answers why not. */
export function acceptor(localAddress: string, settings: Settings, init: ListenInit): OnUpgrade {
  const options: ServerOptions = { ...webSocketOptions(settings), noServer: true, clientTracking: false, perMessageDeflate: false, handleProtocols: () => SUBPROTOCOL };
  const server = new WebSocketServer(options);
  return (request, socket, head) => {
    if (!mayConnect(request, settings.origins)) answer(socket, 403, `pages of ${String(request.headers.origin)} may not connect here`);
    else if (!speaksOurs(request)) answer(socket, 400, `this WebSocket speaks '${SUBPROTOCOL}' only`);
    else {
      const remoteAddress = remoteAddressOf(request);
      server.handleUpgrade(request, socket, head, (accepted) => {
        init.onconnection(new WsConnection(accepted, socket, { localAddress, remoteAddress, clock: settings.clock }));
      });
    }
  };
}

/** Whoever names no subprotocol may be a WebSocket that somebody opened himself; who names others only, wants something else. */
function speaksOurs({ headers }: IncomingMessage): boolean {
  const offered = headers["sec-websocket-protocol"];
  return offered === undefined || offered.split(",").some((name) => name.trim() === SUBPROTOCOL);
}
