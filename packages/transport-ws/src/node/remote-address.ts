import type { IncomingMessage } from "node:http";
import { formatEndpoint } from "../address.ts";
import { isLoopback } from "./origin.ts";

/**
 * Where a request comes from. A proxy on this machine says it in `X-Forwarded-For`, of which the last entry is the proxy's own;
 * from elsewhere the header is anybody's claim. Nothing that was forwarded has an address of this machine: whoever reads the address may trust those more.
 */
export function remoteAddressOf({ headers, socket }: IncomingMessage): string {
  const { remoteAddress, remotePort = 0 } = socket;
  const forwarded = headers["x-forwarded-for"] ?? headers.forwarded;
  if (forwarded === undefined || (remoteAddress !== undefined && !isLoopback(remoteAddress)))
    return remoteAddress === undefined ? "unix" : formatEndpoint({ host: remoteAddress, port: remotePort, path: "/" });
  const last = String(forwarded).split(",").at(-1)!.trim();
  return /^[\da-f.:[\]]{2,64}$/i.test(last) && !isLoopback(last.replace(/^\[(.*)\].*$/, "$1")) ? last : "forwarded";
}
