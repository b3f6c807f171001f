import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Session } from "@astranet/mux";
import { toConnection } from "@astranet/mux/node";
import { memoryPair } from "@astranet/transport";
import { onTestFinished } from "vitest";

export interface Sessions {
  readonly client: Session;
  readonly server: Session;
}

/** Two sessions over an in-memory pipe, ended with the test. */
export function sessionsInMemory(): Sessions {
  const [a, b] = memoryPair();
  return ending({ client: new Session(a, { role: "client" }), server: new Session(b, { role: "server" }) });
}

/** The two ends of a TCP connection; by default each direction is ended by itself. */
export async function socketPair(allowHalfOpen = true): Promise<[Socket, Socket]> {
  const listening = createServer({ allowHalfOpen }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const near = connect({ port: (listening.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen });
  const [far] = (await once(listening, "connection")) as [Socket];
  listening.close();
  return [near, far];
}

/** Two sessions over one TCP connection, ended with the test. */
export async function sessionsOverTcp(): Promise<Sessions> {
  const [near, far] = await socketPair(false);
  const client = new Session(toConnection(near, { localAddress: "127.0.0.1:1111", remoteAddress: "[::1]:2222" }), { role: "client" });
  return ending({ client, server: new Session(toConnection(far), { role: "server" }) });
}

function ending(sessions: Sessions): Sessions {
  onTestFinished(async () => {
    await Promise.all([sessions.client.close(), sessions.server.close()]);
  });
  return sessions;
}
