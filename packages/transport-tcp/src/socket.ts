import type { Socket } from "node:net";
import type { NodeConnectionOptions } from "@astranet/transport/node";
import { formatHostPort } from "./address.ts";
import type { TcpTransportOptions } from "./tcp-transport.ts";

/** Sockets emit 'drain' from here on, which is where a connection's `send` begins to return false. */
export const HIGH_WATER_BYTES = 131_072;

/** 'host:port' of this end. */
export function localAddressOf(socket: Socket): string {
  return formatHostPort({ host: socket.localAddress ?? "", port: socket.localPort ?? 0 });
}

/** 'host:port' of the other end. */
export function remoteAddressOf(socket: Socket): string {
  return formatHostPort({ host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
}

/** What of the transport's options each connection takes. */
export function connectionOptions({ clock, busyPollMs }: TcpTransportOptions): NodeConnectionOptions {
  return { ...(clock === undefined ? {} : { clock }), ...(busyPollMs === undefined ? {} : { busyPollMs }) };
}
