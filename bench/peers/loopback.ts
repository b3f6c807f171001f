import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** Listens on a free port of the loopback interface. */
export async function listenLoopback(onsocket: (socket: Socket) => void): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, onsocket);
  return listening(server);
}

/** Waits until `server` listens on a free loopback port, and gives the port. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export async function dialLoopback(port: number, writableHighWaterMark?: number): Promise<Socket> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    allowHalfOpen: true,
    ...(writableHighWaterMark === undefined ? {} : { writableHighWaterMark }),
  });
  await once(socket, "connect");
  return socket;
}
