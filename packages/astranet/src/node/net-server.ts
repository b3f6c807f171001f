import { type ConnectionListener, type DuplexOptions, SocketServer, type StreamSocket } from "@astranet/mux/node";
import type { Listener } from "@astranet/router";
import { AstraError } from "@astranet/transport";
import type { AstraNet, BindOptions } from "../astra-net.ts";
import { toDuplex } from "./to-duplex.ts";

/** A server of sockets under a name or a virtual port: a `net.Server` over a node. {@link createServer} makes it. */
export class NetServer extends SocketServer {
  readonly #net: AstraNet;
  readonly #options: Pick<DuplexOptions, "allowHalfOpen">;
  #listener: Listener | undefined;

  /** @internal */
  constructor(net: AstraNet, options: Pick<DuplexOptions, "allowHalfOpen">) {
    super();
    this.#net = net;
    this.#options = options;
  }

  /** The listener underneath, once it listens. */
  get listener(): Listener | undefined {
    return this.#listener;
  }

  /**
   * Binds 'name', 'name:80' or ':80', and emits 'listening' (and calls `onlistening`) in a later tick.
   * Throws as `net.bind` does, and ERR_ASTRANET_INVALID_STATE while it listens.
   */
  listen(address: string, onlistening?: () => void): this;
  listen(address: string, options: BindOptions, onlistening?: () => void): this;
  listen(address: string, first: BindOptions | (() => void) = {}, second?: () => void): this {
    const [options, onlistening] = typeof first === "function" ? [{}, first] : [first, second];
    if (this.listening) throw new AstraError("ERR_ASTRANET_INVALID_STATE", `the server listens at ${this.#listener?.address ?? "an address"} already`);
    const listener = this.#net.bind("", address, options);
    this.#listener = listener;
    if (onlistening !== undefined) this.once("listening", onlistening);
    process.nextTick(() => this.emit("listening"));
    const accept = async (): Promise<StreamSocket> => toDuplex(await listener.accept(), this.#options);
    void this.run(accept);
    return this;
  }

  /** The virtual address: the node's id, and the port. Null while it does not listen. */
  address(): { readonly address: string; readonly port: number; readonly family: "astranet" } | null {
    if (this.#listener === undefined || !this.listening) return null;
    return { address: this.#listener.id, port: this.#listener.port, family: "astranet" };
  }

  protected override stop(): void {
    void this.#listener?.close();
  }
}

/**
 * A server as `net.createServer` makes it, whose sockets come from other nodes (and this one): `createServer(net, (socket) => …).listen("echo")`.
 * As there, a socket's direction ends when the peer's does, unless `allowHalfOpen` is true.
 */
export function createServer(net: AstraNet, onconnection?: ConnectionListener): NetServer;
export function createServer(net: AstraNet, options: Pick<DuplexOptions, "allowHalfOpen">, onconnection?: ConnectionListener): NetServer;
export function createServer(net: AstraNet, first: Pick<DuplexOptions, "allowHalfOpen"> | ConnectionListener = {}, second?: ConnectionListener): NetServer {
  const [options, onconnection] = typeof first === "function" ? [{}, first] : [first, second];
  const server = new NetServer(net, { allowHalfOpen: false, ...options });
  if (onconnection !== undefined) server.on("connection", onconnection);
  return server;
}
