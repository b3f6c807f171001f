import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What a crowd does once it is connected. */
export type Manner = "silent" | "byte by byte";

/** Begins as a node does, so that nothing tells it from one that is slow. */
const preambleBegin = Buffer.from("ASTR");

/** How many come at once: more than the queue of a listening socket has room for only wait for the kernel. */
const atOnce = 200;

/** Strangers who connect to a listener and never finish a handshake. They come from several addresses of loopback, as they may on Linux. */
export class Crowd implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #host: string;
  readonly #port: number;
  readonly #manner: Manner;
  #came = 0;

  constructor(target: string, manner: Manner) {
    const [host, port] = target.split(":") as [string, string];
    this.#host = host;
    this.#port = Number(port);
    this.#manner = manner;
  }

  /** Those that connected, ever. */
  get came(): number {
    return this.#came;
  }

  /** Those that were not turned away, or cut, yet. */
  get inside(): number {
    return this.#sockets.size;
  }

  /** `count` more come, from `hosts` addresses in turn; resolves when each has connected. */
  async come(count: number, hosts: number): Promise<void> {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await this.#one(`127.0.1.${String(1 + (left % hosts))}`);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  /** Those that are still inside say one byte more. */
  sayAByte(): void {
    for (const socket of this.#sockets) socket.write(preambleBegin.subarray(0, 1));
  }

  /** Resolves when the last one was cut. */
  async gone(): Promise<void> {
    while (this.#sockets.size > 0) {
      const [socket] = this.#sockets;
      await once(socket!, "close");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.gone();
  }

  async #one(localAddress: string): Promise<void> {
    const socket = connect({ host: this.#host, port: this.#port, localAddress });
    // Whoever is turned away meets a reset, perhaps before it knows that it was connected.
    const closed = new Promise<void>((resolve) => {
      socket.on("error", () => undefined).on("close", () => {
        this.#sockets.delete(socket);
        resolve();
      });
    });
    this.#sockets.add(socket);
    socket.resume();
    const connected = new Promise<void>((resolve) => socket.once("connect", resolve));
    await Promise.race([connected, closed]);
    this.#came += 1;
    if (this.#manner === "byte by byte") socket.write(preambleBegin.subarray(0, 1));
  }
}
