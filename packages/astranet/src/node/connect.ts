import type { DuplexOptions, StreamSocket } from "@astranet/mux/node";
import type { AstraNet, DialOptions } from "../astra-net.ts";
import { diallingSocket } from "./dialling-socket.ts";

/** What {@link connect} takes: how to dial, and what the socket is like. */
export type ConnectOptions = DialOptions & Pick<DuplexOptions, "allowHalfOpen">;

/**
 * Dials 'name', 'name:80' or 'id:80' as `net.connect` dials a host: gives a socket at once, which may be written to already, and which emits 'connect'
 * (and calls `onconnect`) when the other side has accepted, or 'error' with the codes of `net.dial`. Destroying it meanwhile gives the dial up.
 * As of `net.connect`, its direction ends when the peer's does, unless `allowHalfOpen` is true.
 */
export function connect(net: AstraNet, address: string, onconnect?: () => void): StreamSocket;
export function connect(net: AstraNet, address: string, options: ConnectOptions, onconnect?: () => void): StreamSocket;
export function connect(net: AstraNet, address: string, first: ConnectOptions | (() => void) = {}, second?: () => void): StreamSocket {
  const [options, onconnect] = typeof first === "function" ? [{}, first] : [first, second];
  const { allowHalfOpen = false, signal, ...dialOptions } = options;
  const socket = diallingSocket((gaveUp) => net.dial("", address, { ...dialOptions, signal: gaveUp }), signal, { allowHalfOpen });
  if (onconnect !== undefined) socket.once("connect", onconnect);
  return socket;
}
