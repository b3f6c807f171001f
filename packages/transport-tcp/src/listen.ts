import { existsSync } from "node:fs";
import { createServer as createTcpServer, isIPv4, isIPv6, type AddressInfo, type ListenOptions, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { AstraError, type ListenInit, type TransportListener } from "@astranet/transport";
import { mapError, toConnection } from "@astranet/transport/node";
import { checkPath, formatHostPort, parseHostPort } from "./address.ts";
import type { Network } from "./dial.ts";
import { connectionOptions, HIGH_WATER_BYTES, localAddressOf, remoteAddressOf } from "./socket.ts";
import type { TcpTransportOptions } from "./tcp-transport.ts";

/** See `TcpTransport.listen`. */
export async function listenSocket(network: Network, address: string, options: TcpTransportOptions, init: ListenInit): Promise<TransportListener> {
  const where = whereToListen(network, address);
  const common = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, highWaterMark: HIGH_WATER_BYTES };
  let open = true;
  const accept = (socket: Socket): void => {
    // A TLS handshake may outlast the listener.
    if (!open) {
      socket.destroy();
      return;
    }
    const addresses = network === "unix" ? { localAddress: address, remoteAddress: "unix" } : { localAddress: localAddressOf(socket), remoteAddress: remoteAddressOf(socket) };
    init.onconnection(toConnection(socket, { ...addresses, ...connectionOptions(options) }));
  };
  let server: Server;
  if (network === "tls") {
    const tls = options.tls?.server;
    if (tls === undefined) throw new AstraError("EINVAL", "to listen on 'tls' the transport needs tls.server with a certificate and its key");
    try {
      server = createTlsServer({ ...tls, ...common }, accept);
    } catch (error) {
      throw new AstraError("EINVAL", `tls.server is not usable: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  } else server = createTcpServer(common, accept);

  await listening(server, where, init.signal);
  const bound = server.address();
  let resolveClosed: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  const close = (): Promise<void> => {
    if (open) {
      open = false;
      // Its callback would wait for the connections, which stay; the port is free when this returns.
      server.close();
      resolveClosed?.();
    }
    return closed;
  };
  return { address: bound === null || typeof bound === "string" ? address : addressOf(bound), closed, close, [Symbol.asyncDispose]: close };
}

function addressOf(bound: AddressInfo): string {
  return formatHostPort({ host: bound.address, port: bound.port });
}

function whereToListen(network: Network, address: string): ListenOptions {
  if (network === "unix") return { path: checkPath(address) };
  const { host, port } = parseHostPort(address);
  if (network === "tcp4") {
    if (isIPv6(host)) throw new AstraError("EINVAL", `bad address '${address}': ${host} is not an IPv4 address`);
    return { host: host === "" ? "0.0.0.0" : host, port };
  }
  if (network === "tcp6") {
    if (isIPv4(host)) throw new AstraError("EINVAL", `bad address '${address}': ${host} is not an IPv6 address`);
    return { host: host === "" ? "::" : host, port, ipv6Only: true };
  }
  return host === "" ? { port } : { host, port };
}

function listening(server: Server, where: ListenOptions, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal?.removeEventListener("abort", onabort);
      server.off("listening", onlistening);
    };
    const onabort = (): void => {
      settle();
      // A name is still being resolved, or the port just bound.
      server.once("listening", () => server.close());
      if (server.listening) server.close();
      reject(signal?.reason as Error);
    };
    const onlistening = (): void => {
      settle();
      resolve();
    };
    server.once("listening", onlistening);
    // Stays on: an error of a listening server (too many open files) ends nothing.
    server.on("error", (error: NodeJS.ErrnoException) => {
      settle();
      // libuv tells EACCES for a path whose folder does not exist.
      const folder = where.path === undefined ? undefined : dirname(where.path);
      if (folder !== undefined && !existsSync(folder)) reject(new AstraError("EINVAL", `bad path '${String(where.path)}': there is no folder '${folder}'`, { cause: error }));
      else reject(mapError(error, "EINVAL"));
    });
    signal?.addEventListener("abort", onabort);
    server.listen(where);
  });
}
