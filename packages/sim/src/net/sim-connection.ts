import { AstraError, BaseConnection } from "@astranet/transport";
import type { Process } from "../time/process.ts";
import type { Item, Lane, LaneEnd } from "./lane.ts";

/** How a process's sockets end with it. */
export type SocketDeath = "reset" | "fin" | "silent";

/** One end of a simulated connection: a socket of a process. */
export class SimConnection extends BaseConnection implements LaneEnd {
  readonly process: Process;
  readonly label: string;
  /** Our direction, and the other end's. */
  readonly out: Lane;
  readonly in: Lane;
  /** When something last came in, and was read. */
  lastReadAt: number;
  #inbox: Item[] = [];
  #gone = false;
  #forgotten = false;
  readonly #leave: () => void;

  constructor(init: { process: Process; out: Lane; in: Lane; localAddress: string; remoteAddress: string; now: number }) {
    super("sim", { localAddress: init.localAddress, remoteAddress: init.remoteAddress, clock: init.process });
    this.process = init.process;
    this.out = init.out;
    this.in = init.in;
    this.lastReadAt = init.now;
    this.label = `${init.localAddress}=${init.remoteAddress}`;
    this.#leave = init.process.onend(() => this.#processEnded());
  }

  get gone(): boolean {
    return this.#gone || this.over;
  }

  /** What the kernel does for this socket when its process is killed. Default: the far end is reset. */
  death: SocketDeath = "reset";

  /** This end is told that the connection broke; the other one is not, and goes on believing in it. */
  forget(): void {
    if (this.gone) return;
    this.#forgotten = true;
    this.fail(new AstraError("ECONNRESET", "the connection was lost on this side"));
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.closing || this.out.send(chunks);
  }

  protected begin(): void {
    this.clock.defer(() => this.#deliver());
  }

  protected end(): void {
    this.out.end();
  }

  protected discard(failure: object | undefined): void {
    this.#inbox = [];
    this.#leave();
    if (failure === undefined) return;
    if (this.#forgotten) this.out.drop();
    else this.out.reset();
  }

  arrived(item: Item): void {
    this.#inbox.push(item);
    if (this.sink !== undefined) this.#deliver();
  }

  stray(): void {
    this.out.reset();
  }

  flushed(): void {
    if (!this.gone) this.sentEnd();
  }

  /** See LaneEnd: the lane says that there is room; the base class tells the owner. */
  override drained(): void {
    super.drained();
  }

  #deliver(): void {
    while (!this.gone && this.sink !== undefined) {
      const item = this.#inbox.shift();
      if (item === undefined) return;
      if (item === "fin") this.gotEnd();
      else if (item === "rst") this.fail(new AstraError("ECONNRESET", "the other end reset the connection"));
      else {
        this.lastReadAt = this.process.now();
        this.in.read(item.length);
        this.sink.data(item);
      }
    }
  }

  #processEnded(): void {
    if (this.gone) return;
    this.#gone = true;
    this.#inbox = [];
    if (this.death === "silent") this.out.drop();
    else if (this.death === "fin") this.out.end();
    else this.out.reset();
  }
}
