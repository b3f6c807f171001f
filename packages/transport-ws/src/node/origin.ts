import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Settings } from "../settings.ts";

/** Whether the page that asks, if it is one, may connect. See `WsTransportOptions.origins`. */
export function mayConnect(request: IncomingMessage, origins: Settings["origins"]): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return true;
  if (typeof origins === "function") return origins(origin, request);
  if (origins !== undefined) return origins.includes("*") || origins.includes(origin);
  return isSameHost(origin, request);
}

function isSameHost(origin: string, { headers, socket }: IncomingMessage): boolean {
  const page = urlOf(origin);
  if (page === undefined || !/^https?:$/.test(page.protocol)) return false;
  // Of the page's scheme, because a proxy may end TLS: 'https://example.com' and 'example.com:443' are the same host.
  const asked = urlOf(`${page.protocol}//${headers.host ?? ""}`);
  if (asked === undefined || asked.host !== page.host) return false;
  // A page of a name whose owner lets it resolve to this machine has the same host, and the port that it asks. A proxy in front has another port.
  const port = Number(asked.port === "" ? (page.protocol === "https:" ? 443 : 80) : asked.port);
  return !isLoopback(socket.localAddress) || isOfThisMachine(asked.hostname) || port !== socket.localPort;
}

export function isLoopback(address = ""): boolean {
  return /^(?:::1|(?:::ffff:)?127\..*)$/i.test(address);
}

function isOfThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || isIP(hostname.replace(/^\[(.*)\]$/, "$1")) !== 0;
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
