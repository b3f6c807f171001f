import { Server as HttpServer, type Server } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { AddressInfo, ListenOptions } from "node:net";
import { AstraError, type ListenInit, type TransportListener } from "@astranet/transport";
import { mapError } from "@astranet/transport/node";
import { formatEndpoint, parseEndpoint, type Network } from "../address.ts";
import type { Settings } from "../settings.ts";
import { acceptor } from "./acceptor.ts";
import { createOwnServer } from "./own-server.ts";
import { takeUpgrades } from "./upgrades.ts";

/** See `WsTransport.listen`. */
export async function listen(network: Network, address: string, settings: Settings, init: ListenInit): Promise<TransportListener> {
  return settings.server === undefined ? listenAlone(network, address, settings, init) : listenOn(settings.server, network, address, settings, init);
}

async function listenAlone(network: Network, address: string, settings: Settings, init: ListenInit): Promise<TransportListener> {
  const { host, port, path } = parseEndpoint(network, address);
  const wanted = pathWithoutQuery(path, address);
  const own = createOwnServer(network, wanted, settings);
  await listening(own.server, host === "" ? { port } : { host, port }, init.signal);
  const bound = own.server.address() as AddressInfo;
  const localAddress = formatEndpoint({ host: bound.address, port: bound.port, path: wanted });
  const accept = acceptor(localAddress, settings, init);
  const stop = takeUpgrades(own.server, wanted, (request, socket, head) => {
    own.upgraded(socket);
    accept(request, socket, head);
  });
  return listenerOf(localAddress, () => {
    own.close();
    stop();
  });
}

async function listenOn(given: object, network: Network, address: string, settings: Settings, init: ListenInit): Promise<TransportListener> {
  const server = checkedServer(given, network);
  const bound = server.address();
  if (bound === null) throw new AstraError("ERR_ASTRANET_INVALID_STATE", "the server that was given does not listen yet: await its 'listening' event first");
  const path = pathOn(bound, network, address);
  const localAddress = typeof bound === "string" ? `unix:${bound}:${path}` : formatEndpoint({ host: bound.address, port: bound.port, path });
  const stop = takeUpgrades(server, path, acceptor(localAddress, settings, init));
  const listener = listenerOf(localAddress, () => {
    server.off("close", close);
    stop();
  });
  const close = (): void => void listener.close();
  server.once("close", close);
  return listener;
}

function checkedServer(given: object, network: Network): Server {
  const isTls = given instanceof HttpsServer;
  if (!isTls && !(given instanceof HttpServer)) throw new AstraError("EINVAL", "server is neither an http.Server nor an https.Server");
  if (isTls !== (network === "wss")) throw new AstraError("EINVAL", `the server that was given is ${isTls ? "an https.Server, which serves 'wss'" : "an http.Server, which serves 'ws'"}, not '${network}'`);
  return given;
}

/** The path in '/path', or in an address which then must be the server's. */
function pathOn(bound: AddressInfo | string, network: Network, address: string): string {
  if (address.startsWith("/")) return pathWithoutQuery(parseEndpoint(network, `localhost${address}`).path, address);
  const { host, port, path } = parseEndpoint(network, address);
  if (typeof bound === "string" || port !== bound.port || (host !== "" && host !== bound.address))
    throw new AstraError("EINVAL", `bad address '${address}': the server that was given is at ${typeof bound === "string" ? bound : formatEndpoint({ host: bound.address, port: bound.port, path: "/" })}`);
  return pathWithoutQuery(path, address);
}

function pathWithoutQuery(path: string, address: string): string {
  if (path.includes("?")) throw new AstraError("EINVAL", `bad address '${address}': a listener has a path and no query`);
  return path;
}

function listenerOf(address: string, stop: () => void): TransportListener {
  let resolveClosed: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  const close = (): Promise<void> => {
    if (resolveClosed !== undefined) {
      stop();
      resolveClosed();
      resolveClosed = undefined;
    }
    return closed;
  };
  return { address, closed, close, [Symbol.asyncDispose]: close };
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
    server.on("error", (error) => {
      settle();
      reject(mapError(error, "EINVAL"));
    });
    signal?.addEventListener("abort", onabort);
    server.listen(where);
  });
}
