import { lookup } from "node:dns";
import { connect as connectPlain, isIP, type NetConnectOpts, type Socket, type TcpSocketConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { AstraError, type Connection } from "@astranet/transport";
import { mapError, toConnection } from "@astranet/transport/node";
import { checkPath, formatHostPort, parseHostPort } from "./address.ts";
import { firstSocket } from "./first-socket.ts";
import { slabReads } from "./slab-reads.ts";
import { connectionOptions, HIGH_WATER_BYTES, localAddressOf } from "./socket.ts";
import type { TcpTransportOptions } from "./tcp-transport.ts";

/** The networks of the TCP transport. */
export type Network = "tcp" | "tcp4" | "tcp6" | "tls" | "unix";

/** See `TcpTransport.dial`. */
export async function dialSocket(network: Network, address: string, options: TcpTransportOptions, signal: AbortSignal | undefined): Promise<Connection> {
  const socket = network === "unix" ? await dialPath(address, signal) : await dialHost(network, address, options, signal);
  return toConnection(socket, {
    localAddress: network === "unix" ? "unix" : localAddressOf(socket),
    remoteAddress: address,
    ...connectionOptions(options),
  });
}

async function dialPath(address: string, signal: AbortSignal | undefined): Promise<Socket> {
  const path = checkPath(address);
  try {
    return await firstSocket([() => connect({ path, ...common })], "connect", signal);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    // No socket there, or one whose process is gone: nobody listens.
    const absent = ["ENOENT", "ENOTSOCK"].includes((error as NodeJS.ErrnoException).code ?? "");
    throw absent ? new AstraError("ECONNREFUSED", `nobody listens at '${path}'`, { cause: error }) : mapError(error);
  }
}

async function dialHost(network: Network, address: string, options: TcpTransportOptions, signal: AbortSignal | undefined): Promise<Socket> {
  const { host, port } = parseHostPort(address);
  if (port === 0) throw new AstraError("EINVAL", `bad address '${address}': port 0 cannot be dialled`);
  const family = network === "tcp4" ? 4 : network === "tcp6" ? 6 : 0;
  const ips = await addressesOf(host, family, address, signal);
  const tls = network === "tls";
  try {
    return await firstSocket(
      ips.map((ip) => (): Socket => {
        const to: TcpSocketConnectOpts = { host: ip, port, noDelay: true, ...common };
        if (!tls) return connect(to);
        const servername = isIP(host) !== 0 || host === "" ? {} : { servername: host };
        return connectTls({ ...servername, ...options.tls?.client, ...to });
      }),
      tls ? "secureConnect" : "connect",
      signal,
    );
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw mapError(error, tls ? "ERR_ASTRANET_HANDSHAKE" : "ECONNREFUSED");
  }
}

const common = { allowHalfOpen: true, highWaterMark: HIGH_WATER_BYTES };

/** A socket without TLS, which reads nothing before it is resumed. */
function connect(to: NetConnectOpts): Socket {
  const onread = slabReads((chunk) => {
    // Sockets that read into given buffers emit no 'data' of their own.
    socket.emit("data", chunk);
  });
  const socket = connectPlain({ ...to, onread });
  return socket.pause();
}

/** All addresses to try, in the resolver's order. */
async function addressesOf(host: string, family: 0 | 4 | 6, address: string, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const version = isIP(host);
  // Listeners on all addresses give these; not every system can connect to them.
  const anywhere = host === "" || host === "0.0.0.0" || host === "::";
  if (anywhere) {
    if (version === 4 || family === 4) return ["127.0.0.1"];
    return family === 6 ? ["::1"] : ["127.0.0.1", "::1"];
  }
  if (version !== 0) {
    if (family !== 0 && version !== family) throw new AstraError("EINVAL", `bad address '${address}': ${host} is not an IPv${String(family)} address`);
    return [host];
  }
  return await new Promise((resolve, reject) => {
    const onabort = (): void => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", onabort);
    lookup(host, { all: true, family }, (error, found) => {
      signal?.removeEventListener("abort", onabort);
      if (error) reject(new AstraError("ENOTFOUND", `the name '${host}' in '${formatHostPort(parseHostPort(address))}' was not resolved: ${error.message}`, { cause: error }));
      else resolve(found.map(({ address: ip }) => ip));
    });
  });
}
