import { AstraError } from "@astranet/transport";

/** The networks of the WebSocket transport. @internal */
export type Network = "ws" | "wss";
/** @internal */
export const networks: readonly Network[] = ["ws", "wss"];

/** Where a WebSocket leads. @internal */
export interface Endpoint {
  /** A name or an IP address without brackets; '' stands for all addresses to listen on, for this machine to dial. */
  readonly host: string;
  /** 0…65535. */
  readonly port: number;
  /** Begins with '/'; a query may follow. */
  readonly path: string;
}

const defaultPorts: Readonly<Record<Network, number>> = { ws: 80, wss: 443 };

/**
 * Reads 'host:port', 'host:port/path' or 'ws://host:port/path', where the host may be '' or '[v6]', and the port the scheme's.
 * @throws AstraError EINVAL with the reason.
 */
export function parseEndpoint(network: Network, address: string): Endpoint {
  const bad = (reason: string): never => {
    throw new AstraError("EINVAL", `bad address '${address}': ${reason}`);
  };
  if (address === "") return bad("it is empty");
  // What a URL parser would drop or rewrite, somebody meant otherwise.
  if (/[\s\p{Cc}\\]/u.test(address)) return bad("it contains white space, a control character or a backslash");
  if (address.includes("#")) return bad("it contains a '#'; a WebSocket's URL has no fragment");
  const [, scheme, rest = address] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(address) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== network) return bad(`its scheme is '${scheme}', and the network is '${network}'`);
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const path = end === -1 ? "/" : rest.slice(end).replace(/^\?/, "/?");
  if (authority.includes("@")) return bad("it contains a user or a password; send them in a header");
  const [, bracketed, name, colon, digits = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?:(:)([^:]*))?$/.exec(authority) ?? bad("wanted is host:port, with an IPv6 address in brackets");
  const host = bracketed ?? name ?? "";
  if (bracketed !== undefined ? !isIPv6(bracketed) : host !== "" && !isHostName(host)) return bad(`'${host}' is neither a host name nor an IP address`);
  if (colon === undefined) {
    if (host === "") return bad("it names neither a host nor a port");
    return { host, port: defaultPorts[network], path };
  }
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65_535) return bad(digits === "" ? "the port is missing" : `the port '${digits}' is not a number within 0…65535`);
  return { host, port: Number(digits), path };
}

/** Writes what {@link parseEndpoint} reads. @internal */
export function formatEndpoint({ host, port, path }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${String(port)}${path === "/" ? "" : path}`;
}

/** Listeners on all addresses give these; not every system can connect to them. */
const anywhere: ReadonlyMap<string, string> = new Map([
  ["", "localhost"],
  ["::", "localhost"],
  ["0.0.0.0", "127.0.0.1"],
]);

/** What a WebSocket is opened with. @internal */
export function urlOf(network: Network, endpoint: Endpoint): string {
  if (endpoint.port === 0) throw new AstraError("EINVAL", `bad address '${formatEndpoint(endpoint)}': port 0 cannot be dialled`);
  return `${network}://${formatEndpoint({ ...endpoint, host: anywhere.get(endpoint.host) ?? endpoint.host })}`;
}

function isIPv6(host: string): boolean {
  return host.includes(":") && URL.canParse(`http://[${host}]`);
}

// Underscores and a final dot are met in practice. A name whose last label is a number is an IPv4 address, or a slip.
function isHostName(host: string): boolean {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(host)) return true;
  if (host.length > 254) return false;
  const labels = host.replace(/\.$/, "").split(".");
  return labels.every((label) => /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?$/u.test(label)) && !/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? "");
}
