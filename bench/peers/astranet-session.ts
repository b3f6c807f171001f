import { Session, type Stream } from "@astranet/mux";
import type { Connection } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";

/** The works open up to ten million streams at once, more than the default limit; everything else is as it comes. */
export const MAX_STREAMS = 20_000_000;

export async function listenSession(onstream: (stream: Stream) => void): Promise<number> {
  const listener = await new TcpTransport().listen("tcp", "127.0.0.1:0", {
    onconnection(connection: Connection) {
      new Session(connection, { role: "server", maxStreams: MAX_STREAMS, onstream });
    },
  });
  return Number(listener.address.slice(listener.address.lastIndexOf(":") + 1));
}

export async function dialSession(port: number): Promise<Session> {
  const connection = await new TcpTransport().dial("tcp", `127.0.0.1:${String(port)}`);
  return new Session(connection, { role: "client", maxStreams: MAX_STREAMS });
}
