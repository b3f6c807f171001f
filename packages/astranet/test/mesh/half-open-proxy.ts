import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a node and a listener, and can let one of its connections die on the dialler's side only: the listener hears nothing of it. */
export class HalfOpenProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs: (readonly [near: Socket, far: Socket])[] = [];

  private constructor(server: Server, target: string) {
    const [host, port] = target.split(":") as [string, string];
    this.#server = server;
    server.on("connection", (near) => {
      const far = connect(Number(port), host);
      this.#pairs.push([near, far]);
      for (const [from, to] of [[near, far], [far, near]] as const) {
        from.setNoDelay(true).on("error", () => undefined);
        from.on("data", (chunk) => void to.write(chunk));
        from.on("close", () => {
          if (!this.#isCut(from)) to.destroy();
        });
      }
    });
  }

  static async start(target: string): Promise<HalfOpenProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HalfOpenProxy(server, target);
  }

  get address(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Connections whose listener's side is open. */
  get openCount(): number {
    return this.#pairs.filter(([, far]) => !far.closed).length;
  }

  readonly #cut = new Set<Socket>();

  /** Resets what it has accepted, towards the dialler; towards the listener the connections stay as they are, without a byte from now on. */
  cut(): void {
    for (const [near] of this.#pairs) {
      this.#cut.add(near);
      near.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#pairs.flat()) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #isCut(socket: Socket): boolean {
    return this.#cut.has(socket);
  }
}
