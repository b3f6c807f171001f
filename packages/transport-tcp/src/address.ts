import { isIPv4, isIPv6 } from "node:net";
import { AstraError } from "@astranet/transport";

/** An address of the networks tcp, tcp4, tcp6 and tls. */
export interface HostPort {
  /** A name or an IP address without brackets; '' in ':port' (all addresses to listen on, loopback to dial). */
  readonly host: string;
  /** 0…65535. */
  readonly port: number;
}

/** What a Unix socket's path may have at most, in bytes, on every system. */
const MAX_PATH_BYTES = 103;

/**
 * Reads 'host:port', ':port' or '[v6]:port'.
 * @throws AstraError EINVAL with the reason.
 */
export function parseHostPort(address: string): HostPort {
  const bad = (reason: string): never => {
    throw new AstraError("EINVAL", `bad address '${address}': ${reason}`);
  };
  if (address === "") return bad("it is empty");
  if (/\s/.test(address)) return bad("it contains white space");
  if (address.includes("/")) return bad("it contains a '/'; wanted is host:port");
  let host: string;
  let rest: string;
  if (address.startsWith("[")) {
    const end = address.indexOf("]");
    if (end === -1) return bad("the ']' is missing");
    host = address.slice(1, end);
    rest = address.slice(end + 1);
    if (host === "") return bad("there is nothing between the brackets");
    if (!isIPv6(host)) return bad("what is in brackets is not an IPv6 address");
    if (!rest.startsWith(":")) return bad(rest === "" ? "the port is missing" : "after ']' comes ':port'");
    rest = rest.slice(1);
  } else {
    const colon = address.lastIndexOf(":");
    if (colon === -1) return bad("the port is missing");
    host = address.slice(0, colon);
    rest = address.slice(colon + 1);
    if (host.includes(":")) return bad("an IPv6 address is written in brackets: [::1]:80");
    if (/[[\]]/.test(host)) return bad("a bracket is out of place");
    if (host !== "" && !isHostName(host)) return bad(`'${host}' is neither a host name nor an IP address`);
  }
  if (rest === "") return bad("the port is missing");
  if (!/^\d+$/.test(rest)) return bad(`the port '${rest}' is not a number`);
  if (rest.length > 5 || Number(rest) > 65_535) return bad(`the port ${rest} is not within 0…65535`);
  return { host, port: Number(rest) };
}

/** Writes what {@link parseHostPort} reads. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${String(port)}`;
}

/**
 * Refuses what cannot be a Unix socket's path.
 * @throws AstraError EINVAL with the reason.
 */
export function checkPath(path: string): string {
  const bad = (reason: string): never => {
    throw new AstraError("EINVAL", `bad path '${path}': ${reason}`);
  };
  if (path === "") return bad("it is empty");
  if (path.includes("\0")) return bad("it contains a NUL character");
  const length = Buffer.byteLength(path);
  // Node cuts a longer one off, and would bind or dial another path.
  if (length > MAX_PATH_BYTES) return bad(`it has ${String(length)} bytes, and a Unix socket's path has at most ${String(MAX_PATH_BYTES)}`);
  return path;
}

// Underscores and a final dot are met in practice. A name whose last label is a number is an IPv4 address, or a slip.
function isHostName(host: string): boolean {
  if (isIPv4(host)) return true;
  if (host.length > 254) return false;
  const labels = host.replace(/\.$/, "").split(".");
  return labels.every((label) => /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?$/u.test(label)) && !/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? "");
}
