import { BaseConnection } from "./base-connection.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { AstraError } from "./errors.ts";
import { MemoryLane, type LaneSource, type LaneTarget, type MemoryOptions } from "./memory-lane.ts";
import { systemClock } from "./system-clock.ts";

class MemoryConnection extends BaseConnection implements LaneSource, LaneTarget {
  readonly #out: MemoryLane;
  readonly #in: MemoryLane;

  constructor(out: MemoryLane, into: MemoryLane, localAddress: string, remoteAddress: string, clock: Clock) {
    super("memory", { localAddress, remoteAddress, clock });
    this.#out = out;
    this.#in = into;
    out.source = this;
    into.target = this;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.closing || this.#out.send(chunks);
  }

  protected begin(): void {
    this.#in.wake();
  }

  protected end(): void {
    this.#out.end();
  }

  protected discard(failure: object | undefined): void {
    if (failure !== undefined) this.#out.reset();
    this.#in.wake();
  }

  /** @internal */
  get ready(): boolean {
    return this.sink !== undefined;
  }

  /** @internal */
  get gone(): boolean {
    return this.over;
  }

  /** @internal */
  laneFlushed(): void {
    this.sentEnd();
  }

  /** @internal */
  laneDrained(): void {
    this.drained();
  }

  /** @internal */
  laneData(chunk: Uint8Array): void {
    this.sink?.data(chunk);
  }

  /** @internal */
  laneEnd(): void {
    this.gotEnd();
  }

  /** @internal */
  laneReset(): void {
    this.fail(new AstraError("ECONNRESET", "the peer aborted the connection"));
  }
}

/** @internal Two connections back to back, with addresses of one's own. */
export function connectInMemory(first: string, second: string, options: MemoryOptions): [first: Connection, second: Connection] {
  const clock = options.clock ?? systemClock;
  const there = new MemoryLane(clock, options);
  const back = new MemoryLane(clock, options);
  return [new MemoryConnection(there, back, first, second, clock), new MemoryConnection(back, there, second, first, clock)];
}

/** @internal Refuses options that mean nothing. */
export function checkMemoryOptions(options: MemoryOptions): void {
  const { latencyMs = 0, bytesPerSecond = 1, sliceBytes = 1 } = options;
  if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) throw new AstraError("EINVAL", `latencyMs is not a duration: ${String(latencyMs)}`);
  if (!(bytesPerSecond > 0)) throw new AstraError("EINVAL", `bytesPerSecond is not above 0: ${String(bytesPerSecond)}`);
  if (!(Number.isInteger(sliceBytes) && sliceBytes > 0)) throw new AstraError("EINVAL", `sliceBytes is not a positive integer: ${String(sliceBytes)}`);
}

/**
 * Two connections back to back: what one sends, the other gets. Every chunk delivered is a fresh copy.
 *
 * With `latencyMs`, `bytesPerSecond` and `clock` it is a link that can be simulated in virtual time.
 * @throws AstraError EINVAL for an option that means nothing.
 */
export function memoryPair(options: MemoryOptions = {}): [a: Connection, b: Connection] {
  checkMemoryOptions(options);
  return connectInMemory("memory:a", "memory:b", options);
}
