import { AstraError, type ListenInit, type Transport, type TransportListener } from "@astranet/transport";
import type { Process } from "../time/process.ts";
import type { SimEvent } from "../time/event-queue.ts";
import { hostOf, type Network } from "./network.ts";
import type { SimConnection } from "./sim-connection.ts";

/** How long a SYN waits for its answer before it is sent again, doubling each time; so often (tcp_syn_retries of Linux). */
const firstRetryMs = 1000;
const synRetries = 6;

/** A process's way to the simulated network: network `sim`, addresses `host:port`. */
export class SimTransport implements Transport {
  readonly networks: readonly string[] = ["sim"];
  readonly #network: Network;
  readonly #process: Process;
  readonly #host: string;

  constructor(network: Network, process: Process, host: string) {
    this.#network = network;
    this.#process = process;
    this.#host = host;
  }

  async dial(network: string, address: string, options: { signal?: AbortSignal } = {}): Promise<SimConnection> {
    check(network, address);
    options.signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      new Dial({ network: this.#network, process: this.#process, host: this.#host, address, signal: options.signal, resolve, reject });
    });
  }

  async listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    check(network, address);
    init.signal?.throwIfAborted();
    if (hostOf(address) !== this.#host) throw new AstraError("EINVAL", `${address} is not an address of host ${this.#host}`);
    const bound = address.endsWith(":0") ? `${this.#host}:${String(this.#network.takePort())}` : address;
    const free = this.#network.listen(bound, { process: this.#process, init });
    let resolveClosed: (() => void) | undefined;
    const closed = new Promise<void>((resolve) => {
      resolveClosed = resolve;
    });
    const close = (): Promise<void> => {
      free();
      resolveClosed?.();
      return closed;
    };
    return { address: bound, closed, close, [Symbol.asyncDispose]: close };
  }
}

interface DialInit {
  readonly network: Network;
  readonly process: Process;
  readonly host: string;
  readonly address: string;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (connection: SimConnection) => void;
  readonly reject: (reason: unknown) => void;
}

/** One attempt to connect, as TCP makes it: a SYN, its answer, and SYNs again where there is none. */
class Dial {
  readonly #init: DialInit;
  readonly #aborted = (): void => this.#settle(() => this.#init.reject(this.#init.signal?.reason));
  #settled = false;
  #tries = 0;
  #answered = false;
  #event: SimEvent | undefined;
  #made: SimConnection | undefined;
  readonly #leave: () => void;

  constructor(init: DialInit) {
    this.#init = init;
    init.signal?.addEventListener("abort", this.#aborted, { once: true });
    this.#leave = init.process.onend(() => this.#settle(() => undefined));
    this.#syn();
  }

  #syn(): void {
    const { network, host, address } = this.#init;
    const { timeline } = network;
    const there = network.path(host, hostOf(address));
    if (!there.conditions.blocked) timeline.at(timeline.now + there.conditions.latencyMs, undefined, "wire", () => this.#arrive());
    const patienceMs = firstRetryMs * 2 ** this.#tries;
    this.#tries += 1;
    this.#event = timeline.at(timeline.now + patienceMs, undefined, "wire", () => {
      if (this.#tries <= synRetries) this.#syn();
      else this.#settle(() => this.#fail("ETIMEDOUT", "nothing answered"));
    });
  }

  #arrive(): void {
    const { network, process, host, address } = this.#init;
    const target = hostOf(address);
    const back = network.path(target, host);
    if (this.#settled || this.#answered || network.isDown(target) || back.conditions.blocked) return;
    this.#answered = true;
    const { timeline } = network;
    const listening = network.listenerAt(address);
    if (listening === undefined) {
      this.#answer(back.conditions.latencyMs, () => this.#fail("ECONNREFUSED", `nobody listens at ${address}`));
      return;
    }
    const [near, far] = network.connect({ process, address: `${host}:${String(network.takePort())}` }, { process: listening.process, address });
    this.#made = near;
    network.trace.add(timeline.now, process.name, "dialled", address);
    network.accept(listening, far);
    this.#answer(back.conditions.latencyMs, () => {
      this.#made = undefined;
      this.#init.resolve(near);
    });
  }

  #answer(latencyMs: number, done: () => void): void {
    const { network, process } = this.#init;
    if (this.#event !== undefined) network.timeline.cancel(this.#event);
    this.#event = network.timeline.at(network.timeline.now + latencyMs, process, "wire", () => this.#settle(done));
  }

  #fail(code: "ECONNREFUSED" | "ETIMEDOUT", why: string): void {
    this.#init.reject(new AstraError(code, why));
  }

  #settle(done: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#leave();
    this.#init.signal?.removeEventListener("abort", this.#aborted);
    if (this.#event !== undefined) this.#init.network.timeline.cancel(this.#event);
    done();
    // The far end was accepted by somebody who is not there any more.
    this.#made?.abort();
  }
}

function check(network: string, address: string): void {
  if (network !== "sim") throw new AstraError("EINVAL", `the simulated transport has no network '${network}'`);
  if (!/^[a-z0-9-]+:\d+$/.test(address)) throw new AstraError("EINVAL", `a simulated address is host:port, not '${address}'`);
}
