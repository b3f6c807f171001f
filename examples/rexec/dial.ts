import type { ChannelPipe } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import { AstraNet } from "astranet";
import { certificatesOf } from "./certificates.ts";
import { needed, type Options } from "./options.ts";

/** The server, as the options say. */
export async function dial(options: Options): Promise<ChannelPipe> {
  if (options.service === undefined) {
    const transport = new TcpTransport({ tls: { client: certificatesOf(options) } });
    return transport.dial("tls", needed(options, "dial").replace(/^tls:\/\//, ""));
  }
  const net = new AstraNet({ secret: needed(options, "secret"), role: "client" });
  await net.join(needed(options, "join"), { retry: false });
  return net.dial(options.service);
}
