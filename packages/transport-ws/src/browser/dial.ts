import { AstraError, toConnection, type Connection } from "@astranet/transport";
import { parseEndpoint, urlOf, type Network } from "../address.ts";
import { SUBPROTOCOL } from "../limits.ts";
import type { Settings } from "../settings.ts";

/** See `WsTransport.dial`. */
export async function dial(network: Network, address: string, settings: Settings, signal: AbortSignal | undefined): Promise<Connection> {
  const url = urlOf(network, parseEndpoint(network, address));
  const { clock, handshakeTimeoutMs } = settings;
  const socket = open(url);
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onabort);
      socket.removeEventListener("open", onopen);
      socket.removeEventListener("close", onclose);
    };
    const fail = (error: unknown): void => {
      settle();
      // While it connects, this ends the attempt.
      socket.close();
      reject(error);
    };
    const onabort = (): void => {
      fail(signal?.reason);
    };
    const onopen = (): void => {
      settle();
      resolve(toConnection(socket, { localAddress: "browser", remoteAddress: address, clock }));
    };
    const onclose = (): void => {
      fail(new AstraError("ECONNREFUSED", `the WebSocket to ${url} did not open; the browser's console may say why`));
    };
    const timer = clock.setTimer(handshakeTimeoutMs, () => {
      fail(new AstraError("ETIMEDOUT", `the WebSocket to ${url} did not open within ${handshakeTimeoutMs} ms`));
    });
    socket.addEventListener("open", onopen);
    socket.addEventListener("close", onclose);
    signal?.addEventListener("abort", onabort);
  });
}

function open(url: string): WebSocket {
  try {
    return new WebSocket(url, SUBPROTOCOL);
  } catch (error) {
    const { name, message } = error as Error;
    // A page that came over https may not open 'ws'.
    throw new AstraError(name === "SecurityError" ? "EACCES" : "EINVAL", `cannot open a WebSocket to ${url}: ${message}`, { cause: error });
  }
}
