import type { Session, Stream } from "@astranet/mux";
import { AstraError, TokenBucket, type Timer } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { withDefaults } from "../with-defaults.ts";
import { edgesToDoubt } from "./blame.ts";
import { encodeFailure, type CircuitFailure, type FailureReason } from "./circuit-failure.ts";
import { decodeCircuitHeader, type CircuitHeader } from "./circuit-header.ts";
import { CircuitOpener } from "./circuit-opener.ts";
import { defaultCircuitLimits, type CircuitEvent, type CircuitLimits, type CircuitsOptions, type CircuitStats } from "./circuit-types.ts";
import { EndCircuit } from "./end-circuit.ts";
import { PairTable } from "./pair-table.ts";
import { Relay } from "./relay.ts";
import { answerTrace, traceRoute, type RouteTrace } from "./trace.ts";
import { settled } from "./settled.ts";

/** This many looks at what is idle within one idle timeout. */
const sweepsPerTimeout = 4;

/**
 * Circuits: connections to nodes without a link, through nodes that have one. Those of this node, of which there is one a pair, and
 * those of others that lead through it.
 */
export class Circuits {
  readonly #options: CircuitsOptions;
  readonly #limits: CircuitLimits;
  readonly #opener: CircuitOpener;
  readonly #relay: Relay;
  readonly #pairs: PairTable;
  /** Opens under way, and what ends the waiting for each before it is through. */
  readonly #opening = new Map<NodeId, { readonly promise: Promise<EndCircuit>; resolve(circuit: EndCircuit): void }>();
  /** Circuits that others open to this node, whose handshake is under way. */
  readonly #greeting = new Set<EndCircuit>();
  readonly #traces = new Map<NodeId, TokenBucket>();
  /** Circuits that others opened to this node. */
  #accepted = 0;
  #sweep: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: CircuitsOptions) {
    this.#options = options;
    this.#limits = withDefaults(defaultCircuitLimits, options.limits);
    this.#opener = new CircuitOpener(options, this.#limits);
    this.#relay = new Relay(options, this.#limits, () => this.#keepSweeping());
    this.#pairs = new PairTable(options.self);
  }

  /** The session to a node that a circuit leads to now. */
  existing(to: NodeId): Session | undefined {
    const circuit = this.#pairs.best(to);
    if (circuit === undefined) return undefined;
    circuit.usedAt = this.#options.clock.now();
    return circuit.session;
  }

  /**
   * The session to a node, over the circuit that there is, or over a new one: callers share it. Rejects with EHOSTUNREACH where there is no
   * path, ETIMEDOUT after `timeoutMs` (default: the limit `openTimeoutMs`), with the failure of the last path that was tried, which names
   * the node in `via`, and with `signal.reason` after an abort. An open that is under way goes on for others then.
   */
  async session(to: NodeId, init: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}): Promise<Session> {
    init.signal?.throwIfAborted();
    this.#checkOpen();
    const existing = this.existing(to);
    if (existing !== undefined) return existing;
    const late = (): AstraError => new AstraError("ETIMEDOUT", `there was no circuit to ${to} within ${String(init.timeoutMs)} ms`, { retryable: true });
    const circuit = await settled(this.#open(to), this.#options.clock, init, late);
    circuit.usedAt = this.#options.clock.now();
    return circuit.session;
  }

  /**
   * A stream of type `circuit` came over a link from `from`: it ends here, is carried on, or fails. Throws ERR_ASTRANET_PROTOCOL for a
   * header that no honest neighbour sends; then the link is of no use.
   */
  incoming(stream: Stream, from: NodeId): void {
    const header = decodeCircuitHeader(stream.header);
    const { path, index, kind } = header;
    if (path[index] !== this.#options.self) throw protocol(`a circuit came from ${from} that is meant for ${path[index]!}`);
    if (path[index - 1] !== from) throw protocol(`a circuit came from ${from} that says it comes from ${path[index - 1]!}`);
    const refusal = this.#refusal(from, kind);
    if (refusal !== undefined) refuse(stream, index, refusal);
    else if (index < path.length - 1) this.#relay.take(stream, header);
    else if (kind === "trace") answerTrace(stream);
    else void this.#accept(stream, header);
  }

  /** Measures every hop of the path to a node. Rejects as `session` does. */
  async trace(to: NodeId, init: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}): Promise<RouteTrace> {
    init.signal?.throwIfAborted();
    this.#checkOpen();
    return traceRoute(this.#options, to, { timeoutMs: this.#limits.openTimeoutMs, ...init });
  }

  /**
   * No link to this neighbour takes new streams any more. Where the link died, what led over it broke in that tick, as its streams did. Where
   * it drains, circuits of this node take no new streams, and close when those that run have finished.
   */
  linkDown(id: NodeId): void {
    for (const circuit of this.#pairs.values()) {
      const isBroken = circuit.failure !== undefined;
      if (neighbourOf(circuit) === id && !circuit.leaving && !isBroken) void circuit.close();
    }
    this.#relay.linkDown(id);
    this.#traces.delete(id);
  }

  /** A node is about to go: what leads to it or through it takes no new streams, and closes when those that run have finished. */
  drain(via: NodeId): void {
    for (const circuit of this.#pairs.values()) if (!circuit.leaving && circuit.path.includes(via)) void circuit.close();
  }

  stats(): CircuitStats {
    let opened = 0;
    let accepted = 0;
    for (const { initiator } of this.#pairs.values()) {
      if (initiator) opened += 1;
      else accepted += 1;
    }
    return { opened, accepted, ...this.#relay.stats() };
  }

  /** No new circuits; the streams over those of this node may finish, as a session's end allows. Circuits of others last as long as their links. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#opener.stop(closed());
    for (const circuit of this.#greeting) circuit.abort(closed());
    await Promise.all([...this.#pairs.values()].map((circuit) => circuit.close()));
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  #refusal(from: NodeId, kind: CircuitHeader["kind"]): CircuitFailure["reason"] | undefined {
    const { clock } = this.#options;
    const { maxCircuits, tracesPerSecond } = this.#limits;
    if (this.#closing !== undefined) return "no-link";
    if (this.#relay.size + this.#greeting.size + this.#accepted >= maxCircuits) return "overloaded";
    if (kind === "circuit") return undefined;
    let bucket = this.#traces.get(from);
    if (bucket === undefined) this.#traces.set(from, (bucket = new TokenBucket(clock, tracesPerSecond, tracesPerSecond)));
    return bucket.tryTake() ? undefined : "overloaded";
  }

  #open(to: NodeId): Promise<EndCircuit> {
    const under = this.#opening.get(to);
    if (under !== undefined) return under.promise;
    let resolve!: (circuit: EndCircuit) => void;
    const promise = new Promise<EndCircuit>((resolvePromise, reject) => {
      resolve = resolvePromise;
      this.#opener
        .open(to)
        .finally(() => this.#opening.delete(to))
        .then((circuit) => {
          this.#established(circuit);
          resolve(this.#pairs.best(to) ?? circuit);
        }, reject);
    });
    promise.catch(() => undefined);
    this.#opening.set(to, { promise, resolve });
    return promise;
  }

  async #accept(stream: Stream, header: CircuitHeader): Promise<void> {
    const { clock } = this.#options;
    const { index } = header;
    const circuit = new EndCircuit({ options: this.#options, header, index, stream });
    const { peer } = circuit;
    const others = [...this.#pairs.of(peer), ...this.#greeting].filter((other) => other.peer === peer && !other.initiator);
    if (others.length >= this.#limits.maxCircuitsPerPair) {
      refuse(stream, index, "overloaded");
      return;
    }
    this.#greeting.add(circuit);
    const { handshakeTimeoutMs } = this.#limits;
    const timer = clock.setTimer(handshakeTimeoutMs, () => circuit.abort(new AstraError("ETIMEDOUT", `the handshake took more than ${handshakeTimeoutMs} ms`)));
    try {
      await circuit.establish();
      this.#greeting.delete(circuit);
      this.#established(circuit);
    } catch {
      // The opener has heard of it.
      this.#greeting.delete(circuit);
    } finally {
      timer.cancel();
    }
  }

  #established(circuit: EndCircuit): void {
    const { peer, path, initiator, session } = circuit;
    if (this.#closing !== undefined) void circuit.close();
    this.#pairs.add(circuit);
    if (!initiator) {
      this.#accepted += 1;
      // Who waits for a circuit of our own may take this one.
      this.#opening.get(peer)?.resolve(circuit);
    }
    this.#emit({ type: "circuitup", peer, path, initiator });
    const over = (error: unknown): void => {
      circuit.leaving = true;
      this.#pairs.delete(circuit);
      if (!initiator) this.#accepted -= 1;
      if (initiator) for (const edge of edgesToDoubt(path, circuit.failure, error)) this.#options.paths.failed(edge);
      this.#emit({ type: "circuitdown", peer, path, initiator, error });
      this.#keepSweeping();
    };
    session.closed.then(() => over(undefined), over);
    this.#keepSweeping();
  }

  #emit(event: CircuitEvent): void {
    this.#options.emit?.(event);
  }

  /** One timer for all circuits, and none where there are none. */
  #keepSweeping(): void {
    const { idleTimeoutMs } = this.#limits;
    const isEmpty = this.#pairs.values().next().done === true && this.#relay.size === 0;
    if (isEmpty) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
    } else {
      this.#sweep ??= this.#options.clock.setTimer(idleTimeoutMs / sweepsPerTimeout, () => {
        this.#sweep = undefined;
        this.#closeIdle();
        this.#relay.sweep();
        this.#keepSweeping();
      });
    }
  }

  #closeIdle(): void {
    const now = this.#options.clock.now();
    const { idleTimeoutMs } = this.#limits;
    for (const circuit of this.#pairs.values()) {
      if (circuit.session.streamCount > 0) {
        circuit.usedAt = now;
        continue;
      }
      // Where there are two, new streams take the other one.
      const surplus = this.#pairs.best(circuit.peer) !== circuit;
      const patience = surplus ? idleTimeoutMs / sweepsPerTimeout : idleTimeoutMs;
      if (circuit.initiator && !circuit.leaving && now - circuit.usedAt >= patience) void circuit.close();
    }
  }
}

/** The node that this end of the circuit has its link with. */
function neighbourOf({ initiator, path }: EndCircuit): NodeId {
  return initiator ? path[1]! : path.at(-2)!;
}

function refuse(stream: Stream, atIndex: number, reason: FailureReason): void {
  stream.reset(encodeFailure({ reason, atIndex, retryable: true }));
}

function closed(): AstraError {
  return new AstraError("ERR_ASTRANET_INVALID_STATE", "the node is closed");
}

function protocol(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", what);
}
