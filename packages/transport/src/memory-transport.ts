import type { Clock, Timer } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { AstraError } from "./errors.ts";
import type { MemoryOptions } from "./memory-lane.ts";
import { checkMemoryOptions, connectInMemory } from "./memory-pair.ts";
import { systemClock } from "./system-clock.ts";
import type { ListenInit, Transport, TransportListener } from "./transport.ts";

/**
 * Connections within one process: `dial` reaches what listens at that address of the same instance.
 * An address is any text but the empty one. The options hold for each connection.
 */
export class MemoryTransport implements Transport {
  readonly networks: readonly string[] = ["memory"];
  readonly #listeners = new Map<string, ListenInit>();
  readonly #options: MemoryOptions;
  readonly #clock: Clock;
  #dialled = 0;

  /** @throws AstraError EINVAL for an option that means nothing. */
  constructor(options: MemoryOptions = {}) {
    checkMemoryOptions(options);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Takes one round trip.
   * Rejects with ECONNREFUSED where nobody listens, EINVAL for a bad network or address; after an abort with `signal.reason`, and the listener never hears of it.
   */
  async dial(network: string, address: string, options: { signal?: AbortSignal } = {}): Promise<Connection> {
    check(network, address);
    const { signal } = options;
    signal?.throwIfAborted();
    await this.#roundTrip(signal);
    const listener = this.#listeners.get(address);
    if (listener === undefined) throw new AstraError("ECONNREFUSED", `nobody listens at memory address '${address}'`);
    this.#dialled += 1;
    const [here, there] = connectInMemory(`${address}#${String(this.#dialled)}`, address, this.#options);
    listener.onconnection(there);
    return here;
  }

  /** Rejects with EADDRINUSE where somebody listens, EINVAL for a bad network or address. */
  async listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    check(network, address);
    init.signal?.throwIfAborted();
    if (this.#listeners.has(address)) throw new AstraError("EADDRINUSE", `memory address '${address}' is in use`);
    this.#listeners.set(address, init);
    let resolveClosed!: () => void;
    const closed = new Promise<void>((resolve) => {
      resolveClosed = resolve;
    });
    const close = (): Promise<void> => {
      if (this.#listeners.get(address) === init) this.#listeners.delete(address);
      resolveClosed();
      return closed;
    };
    return { address, closed, close, [Symbol.asyncDispose]: close };
  }

  #roundTrip(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (): void => {
        timer?.cancel();
        signal?.removeEventListener("abort", onabort);
      };
      const onabort = (): void => {
        settle();
        reject(signal?.reason as Error);
      };
      const arrived = (): void => {
        settle();
        resolve();
      };
      signal?.addEventListener("abort", onabort);
      const latencyMs = this.#options.latencyMs ?? 0;
      if (latencyMs > 0) timer = this.#clock.setTimer(2 * latencyMs, arrived, { keepAlive: true });
      else this.#clock.defer(arrived);
    });
  }
}

function check(network: string, address: string): void {
  if (network !== "memory") throw new AstraError("EINVAL", `the memory transport has no network '${network}'`);
  if (address === "") throw new AstraError("EINVAL", "a memory address is not empty");
}
