import type { Session } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { streamTypes } from "../stream-types.ts";
import { edgesOfMessengers, edgesToAvoid } from "./blame.ts";
import { failureError, type CircuitFailure } from "./circuit-failure.ts";
import { circuitIdBytes, encodeCircuitHeader, maxPathNodes, type CircuitHeader } from "./circuit-header.ts";
import type { CircuitEdge, CircuitLimits, CircuitPath, CircuitsOptions } from "./circuit-types.ts";
import { EndCircuit } from "./end-circuit.ts";

/** How urgent circuits are on a link: all alike, after what the nodes tell each other, and as streams without relays are by default. */
const circuitUrgency = 3;

/** A try that is not the last one gets so many times the round trip that is expected, and so much on top. */
const tryRoundTrips = 4;
const trySlackMs = 1000;

/** Opens circuits: tries one path after the other, until one is established or there is no time, or no path, left. */
export class CircuitOpener {
  readonly #options: CircuitsOptions;
  readonly #limits: CircuitLimits;
  readonly #trying = new Set<EndCircuit>();
  #stopped: AstraError | undefined;

  constructor(options: CircuitsOptions, limits: CircuitLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  /** Ends all tries: whoever waits gets `error`. */
  stop(error: AstraError): void {
    this.#stopped = error;
    for (const circuit of this.#trying) circuit.abort(error);
  }

  /**
   * Rejects with EHOSTUNREACH where there is no path, else with what the last try met. Nothing that an application wrote has left then,
   * so every rejection but a refusal of the target's own is retryable.
   */
  async open(to: NodeId): Promise<EndCircuit> {
    const { clock, paths } = this.#options;
    const { maxTries, openTimeoutMs } = this.#limits;
    const deadline = clock.now() + openTimeoutMs;
    const avoid: CircuitEdge[] = [];
    const failures: AstraError[] = [];
    /** Who carried a refusal of the target's: liars, if it is not refused over another way. */
    let messengers: readonly CircuitEdge[] | undefined;
    for (let left = maxTries; left > 0; left -= 1) {
      const path = paths.choose(to, avoid);
      const remaining = deadline - clock.now();
      if (path === undefined || remaining <= 0) break;
      const timeoutMs = left === 1 ? remaining : Math.min(remaining, tryRoundTrips * path.cost + trySlackMs);
      const result = await this.#try(path, timeoutMs);
      if (this.#stopped !== undefined && !(result instanceof EndCircuit)) throw this.#stopped;
      if (result instanceof EndCircuit) {
        for (const edge of messengers ?? []) paths.failed(edge);
        return result;
      }
      failures.push(result.error);
      const edges = edgesToAvoid(path.ids, result.failure);
      for (const edge of edges) paths.failed(edge);
      avoid.push(...edges);
      if (edges.length > 0) continue;
      // Refused twice is refused: the target may be too busy to be asked a third time.
      if (messengers !== undefined) break;
      messengers = edgesOfMessengers(path.ids, result.failure);
      if (messengers.length === 0) break;
      avoid.push(...messengers);
    }
    throw finalError(to, failures);
  }

  async #try(path: CircuitPath, timeoutMs: number): Promise<EndCircuit | { readonly error: AstraError; readonly failure: CircuitFailure | undefined }> {
    const { clock, random, link } = this.#options;
    const { ids } = path;
    const failed = (failure: CircuitFailure, cause?: unknown): { error: AstraError; failure: CircuitFailure } => ({
      error: failureError(failure, ids, cause),
      failure,
    });
    if (ids.length > maxPathNodes) return failed({ reason: "no-link", atIndex: 0, retryable: true });
    const header: CircuitHeader = { path: ids, index: 1, id: random(circuitIdBytes), kind: "circuit" };
    const session = link(ids[1]!)?.session;
    const stream = session && openHop(session, header);
    if (stream === undefined || AstraError.is(stream)) return failed({ reason: "no-link", atIndex: 0, retryable: true }, stream);
    const circuit = new EndCircuit({ options: this.#options, header, index: 0, stream });
    const timeout = { isOver: false };
    const timer = clock.setTimer(
      timeoutMs,
      () => {
        timeout.isOver = true;
        circuit.abort(new AstraError("ETIMEDOUT", "the circuit was not answered in time"));
      },
      { keepAlive: true },
    );
    this.#trying.add(circuit);
    try {
      await circuit.establish();
      return circuit;
    } catch (error) {
      const nodes = ids.slice(1);
      if (timeout.isOver) {
        const late = new AstraError("ETIMEDOUT", `the circuit to ${ids.at(-1)!} was not answered within ${Math.round(timeoutMs)} ms`, { retryable: true, via: nodes });
        return { error: late, failure: undefined };
      }
      // What broke the stream says more than what `secure` made of it.
      if (circuit.failure !== undefined) return failed(circuit.failure, error);
      return { error: notThem(error, ids), failure: undefined };
    } finally {
      this.#trying.delete(circuit);
      timer.cancel();
    }
  }
}

/** Opens the stream of a circuit's next hop. What a session says instead is given back: it ends, or has too many streams. */
export function openHop(session: Session, header: CircuitHeader): ReturnType<Session["open"]> | AstraError {
  try {
    return session.open({ type: streamTypes.circuit, urgency: circuitUrgency, header: encodeCircuitHeader(header) });
  } catch (error) {
    if (AstraError.is(error)) return error;
    throw error;
  }
}

/** Whoever answered at the end of this path is not the target, or was hindered on the way: another path may lead to it. */
function notThem(error: unknown, ids: readonly NodeId[]): AstraError {
  const code = AstraError.is(error) ? error.code : "ERR_ASTRANET_HANDSHAKE";
  return new AstraError(code, `the circuit to ${ids.at(-1)!} could not be secured`, { retryable: true, via: ids.slice(1), cause: error });
}

function finalError(to: NodeId, failures: readonly AstraError[]): AstraError {
  const last = failures.at(-1);
  if (last === undefined) return new AstraError("EHOSTUNREACH", `there is no way to node ${to}`, { via: [] });
  if (failures.length === 1) return last;
  const each = failures.map((failure) => failure.message).join("; ");
  const { code, retryable, via = [] } = last;
  return new AstraError(code, `no circuit to ${to} after ${failures.length} tries: ${each}`, { retryable, via, cause: last });
}
