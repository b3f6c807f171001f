import { Session } from "@astranet/mux";
import { generateIdentity, pskFrom, secure, type SecureOptions } from "@astranet/noise";
import { systemRandom, type Connection } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";
import { MAX_STREAMS } from "./astranet-session.ts";
import { PromiseStream } from "./astranet.ts";
import type { BenchLink, Peer } from "./peer.ts";

const psks = [pskFrom("the bench's secret, known to all")];
const identity = generateIdentity(systemRandom);
const secured = (connection: Connection, role: SecureOptions["role"]): ReturnType<typeof secure> => secure(connection, { role, identity, psks });

async function dial(port: number): Promise<BenchLink> {
  const connection = await new TcpTransport().dial("tcp", `127.0.0.1:${String(port)}`);
  const session = new Session(await secured(connection, "initiator"), { role: "client", maxStreams: MAX_STREAMS });
  return { open: () => new PromiseStream(session.open()), close: () => session.close() };
}

/** `@astranet/mux` over `@astranet/noise` over TCP, without a node: a session's streams need no name and no dial. */
export const peer: Peer = {
  async listen(onstream) {
    const listener = await new TcpTransport().listen("tcp", "127.0.0.1:0", {
      onconnection(connection) {
        void secured(connection, "responder").then((safe) => {
          new Session(safe, {
            role: "server",
            maxStreams: MAX_STREAMS,
            onstream: (stream) => {
              onstream(new PromiseStream(stream));
            },
          });
        });
      },
    });
    return Number(listener.address.slice(listener.address.lastIndexOf(":") + 1));
  },
  dial,
  dialler: () => Promise.resolve(dial),
};
