import type { ChannelPipe } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import { AstraNet } from "astranet";
import { certificatesOf } from "./certificates.ts";
import { needed, type Options } from "./options.ts";

/** Gives each client to `onclient`. Resolves with what the client's options are to say. */
export function listen(options: Options, onclient: (pipe: ChannelPipe) => void): Promise<string> {
  return options.service === undefined ? listenOverTls(options, onclient) : listenByName(options, options.service, onclient);
}

async function listenOverTls(options: Options, onclient: (pipe: ChannelPipe) => void): Promise<string> {
  const transport = new TcpTransport({ tls: { server: { ...certificatesOf(options), requestCert: true } } });
  const listener = await transport.listen("tls", needed(options, "listen").replace(/^tls:\/\//, ""), { onconnection: onclient });
  return `--dial tls://${listener.address}`;
}

async function listenByName(options: Options, service: string, onclient: (pipe: ChannelPipe) => void): Promise<string> {
  const net = new AstraNet({ secret: needed(options, "secret") });
  let { join } = options;
  if (join === undefined) {
    const url = needed(options, "listen");
    const { address } = await net.listenAndServe(url);
    join = `${url.split(":")[0]!}://${address}`;
  } else await net.join(join);
  const listener = net.bind(service);
  void (async () => {
    for await (const conn of listener) onclient(conn);
  })();
  return `--join ${join} --service ${service}`;
}
