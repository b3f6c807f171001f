import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { AstraError, type AstraErrorCode, type Connection } from "@astranet/transport";
import { mapError } from "@astranet/transport/node";
import { WebSocket, type ClientOptions } from "ws";
import { formatEndpoint, parseEndpoint, urlOf, type Network } from "../address.ts";
import { SUBPROTOCOL } from "../limits.ts";
import type { Settings } from "../settings.ts";
import { webSocketOptions } from "./web-socket-options.ts";
import { WsConnection } from "./ws-connection.ts";

/** See `WsTransport.dial`. */
export async function dial(network: Network, address: string, settings: Settings, signal: AbortSignal | undefined): Promise<Connection> {
  const { clock, handshakeTimeoutMs } = settings;
  const url = urlFor(network, address);
  const socket = open(url, network, settings);
  return new Promise((resolve, reject) => {
    let raw: Socket | undefined;
    let settled = false;
    const settle = (): void => {
      settled = true;
      timer.cancel();
      signal?.removeEventListener("abort", onabort);
    };
    const fail = (error: unknown): void => {
      if (settled) return;
      settle();
      socket.terminate();
      reject(error);
    };
    const onabort = (): void => {
      fail(signal?.reason);
    };
    const timer = clock.setTimer(
      handshakeTimeoutMs,
      () => {
        fail(new AstraError("ETIMEDOUT", `the WebSocket to ${url} did not open within ${handshakeTimeoutMs} ms`));
      },
      { keepAlive: true },
    );
    signal?.addEventListener("abort", onabort);
    socket.once("upgrade", (response) => {
      raw = response.socket;
    });
    socket.once("unexpected-response", (_request, response) => {
      fail(errorOf(response, url));
    });
    // Stays on: what is terminated while it connects says so once more.
    socket.on("error", (error) => {
      fail(mapError(error, "ERR_ASTRANET_HANDSHAKE"));
    });
    socket.once("open", () => {
      settle();
      const { localAddress = "", localPort = 0 } = raw!;
      resolve(new WsConnection(socket, raw!, { localAddress: formatEndpoint({ host: localAddress, port: localPort, path: "/" }), remoteAddress: address, clock }));
    });
  });
}

/** A listener on a server at a Unix socket has the address 'unix:/run/app.sock:/path'. */
function urlFor(network: Network, address: string): string {
  const [, path, rest] = /^unix:([^:]+):(\/.*)$/.exec(address) ?? [];
  if (path === undefined || rest === undefined) return urlOf(network, parseEndpoint(network, address));
  if (network === "wss") throw new AstraError("EINVAL", `bad address '${address}': over a Unix socket there is 'ws' only`);
  return `ws+unix:${path}:${rest}`;
}

function open(url: string, network: Network, settings: Settings): WebSocket {
  const tls = network === "wss" ? (settings.tls?.client as ClientOptions | undefined) : undefined;
  const options: ClientOptions = { ...tls, ...webSocketOptions(settings), perMessageDeflate: false, headers: settings.headers };
  if (settings.agent !== undefined) options.agent = settings.agent as NonNullable<ClientOptions["agent"]>;
  try {
    return new WebSocket(url, SUBPROTOCOL, options);
  } catch (error) {
    throw new AstraError("EINVAL", `cannot open a WebSocket to ${url}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

const statusCodes: ReadonlyMap<number, AstraErrorCode> = new Map([
  [401, "EACCES"],
  [403, "EACCES"],
  [404, "ECONNREFUSED"],
  [407, "EACCES"],
  [408, "ETIMEDOUT"],
  [429, "ERR_ASTRANET_OVERLOAD"],
  [502, "ECONNREFUSED"],
  [503, "ERR_ASTRANET_OVERLOAD"],
  [504, "ETIMEDOUT"],
]);

function errorOf({ statusCode = 0, statusMessage = "", headers }: IncomingMessage, url: string): AstraError {
  const elsewhere = headers.location === undefined ? "" : `, and points to ${headers.location}`;
  return new AstraError(statusCodes.get(statusCode) ?? "ERR_ASTRANET_HANDSHAKE", `${url} answers ${statusCode} ${statusMessage} instead of opening a WebSocket${elsewhere}`, {
    // Turned away before anything was taken, or a trouble of the server's own: neither says that this will never do.
    retryable: [429, 503].includes(statusCode) || (statusCode >= 500 && !statusCodes.has(statusCode)),
  });
}
