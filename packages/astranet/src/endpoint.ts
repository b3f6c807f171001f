import { AstraError, type Transport } from "@astranet/transport";

/** Where to listen, or whom to join. */
export interface Endpoint {
  readonly network: string;
  readonly address: string;
}

/** ('tcp4', ':10000'), or one URL: 'tcp4://127.0.0.1:10000', 'unix:///run/a.sock'. Throws EINVAL, ERR_ASTRANET_NO_TRANSPORT. */
export function parseEndpoint(networkOrUrl: unknown, address: unknown, transports: readonly Transport[]): Endpoint {
  if (typeof networkOrUrl !== "string") throw new AstraError("EINVAL", `a network is a string, not ${typeof networkOrUrl}`);
  const endpoint = address === undefined ? fromUrl(networkOrUrl) : { network: networkOrUrl, address };
  if (typeof endpoint.address !== "string") throw new AstraError("EINVAL", `an address is a string, not ${typeof endpoint.address}`);
  const { network } = endpoint;
  if (/^wss?$/.test(network) && !transports.some(({ networks }) => networks.includes(network)))
    throw new AstraError("ERR_ASTRANET_NO_TRANSPORT", `network "${network}" needs a WebSocket transport: add new WsTransport() to transports`);
  return { network, address: endpoint.address };
}

function fromUrl(url: string): Endpoint {
  const [, network, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/.exec(url) ?? [];
  if (network === undefined || rest === undefined) throw new AstraError("EINVAL", `${JSON.stringify(url)} is not a URL such as "tcp://127.0.0.1:10000", and there is no address besides it`);
  // The URL class writes "tcp://host:1" with a "/" at its end.
  return { network, address: rest.startsWith("/") ? rest : rest.replace(/\/$/, "") };
}
