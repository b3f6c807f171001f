import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { FaultConditions } from "./conditions.ts";
import { Direction, Pump } from "./direction.ts";

/** What a FaultProxy is made with. */
export interface FaultProxyOptions {
  /** Where connections lead. */
  readonly target: { readonly host?: string; readonly port: number };
  /** Where it listens. Default: loopback, a free port. */
  readonly host?: string;
  readonly port?: number;
  /** Both directions at first. */
  readonly conditions?: Partial<FaultConditions>;
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
}

/**
 * A TCP proxy that makes the network between two real processes worse: latency, bandwidth, slices, a stall of one direction, a blackhole, resets.
 * Ends pass through in order, and so do resets.
 */
export class FaultProxy implements AsyncDisposable {
  /** From who dials to the target, and back. */
  readonly toTarget: Direction = new Direction();
  readonly toClient: Direction = new Direction();
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  /** Accepted while nothing gets through. */
  readonly #held = new Set<Socket>();
  #holds = false;
  #refuses = false;

  private constructor(options: FaultProxyOptions) {
    this.#target = { host: options.target.host ?? "127.0.0.1", port: options.target.port };
    if (options.conditions !== undefined) this.both(options.conditions);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  /** Rejects with what `net.Server.listen` says. */
  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `host:port`, to be dialled instead of the target's. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${String(port)}`;
  }

  /** Connections that go through it now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Changes both directions. */
  both(change: Partial<FaultConditions>): void {
    this.toTarget.change(change);
    this.toClient.change(change);
  }

  /**
   * Nothing gets through any more, in either direction, silently; new connections are accepted, as a kernel does it, and lead nowhere. False: what
   * waited moves again.
   */
  blackhole(on = true): void {
    this.#holds = on;
    this.both({ stalled: on });
    if (on) return;
    for (const client of this.#held) this.#lead(client);
    this.#held.clear();
  }

  /** New connections are reset at once, until this is called with false. */
  refuse(on = true): void {
    this.#refuses = on;
  }

  /** Resets every connection, on both sides. */
  reset(): void {
    for (const { client, target } of this.#pairs) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
    for (const client of this.#held) client.resetAndDestroy();
  }

  /** Resets every connection on the side of who dialled; the target is not told, and goes on believing. */
  resetClients(): void {
    this.toTarget.change({ stalled: true });
    for (const { client } of this.#pairs) client.resetAndDestroy();
  }

  /** Listens no more, and breaks every connection. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, "close") : undefined;
    this.#server.close();
    this.reset();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.#refuses) client.resetAndDestroy();
    else if (this.#holds) {
      this.#held.add(client);
      client.once("close", () => this.#held.delete(client));
    } else this.#lead(client);
  }

  #lead(client: Socket): void {
    const target = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const pair: Pair = { client, target };
    this.#pairs.add(pair);
    const pumps = [new Pump(this.toTarget, client, target), new Pump(this.toClient, target, client)];
    let open = 2;
    const closed = (socket: Socket, other: Socket, direction: Direction): void => {
      open -= 1;
      // A reset travels as silently as anything else: where nothing gets through, it does not either.
      if (socket.errored !== null && !direction.conditions.stalled) other.resetAndDestroy();
      if (open > 0) return;
      for (const pump of pumps) pump.stop();
      this.#pairs.delete(pair);
    };
    target.on("error", () => undefined);
    client.once("close", () => closed(client, target, this.toTarget));
    target.once("close", () => closed(target, client, this.toClient));
  }
}
