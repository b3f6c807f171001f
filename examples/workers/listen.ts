import { Channels } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import type { Hub } from "./hub.ts";

/** Where workers reach the hub, and what ends that. */
export async function listen(hub: Hub): Promise<{ readonly address: string; close(): Promise<void> }> {
  return new TcpTransport().listen("tcp4", "127.0.0.1:0", {
    onconnection: (connection) => void hub.welcome(new Channels(connection, { role: "server" })),
  });
}
