import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Connection } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";

/** Listens on a free port of loopback. */
export async function listen(onconnection: (connection: Connection) => void): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => {
    onconnection(toConnection(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

export async function dial(port: number): Promise<Connection> {
  const socket: Socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return toConnection(socket);
}
