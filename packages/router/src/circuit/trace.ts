import type { Stream } from "@astranet/mux";
import { AstraError, type Clock } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { encodeFailure, failureError, failureOf, type CircuitFailure } from "./circuit-failure.ts";
import { circuitIdBytes } from "./circuit-header.ts";
import { openHop } from "./circuit-opener.ts";
import type { CircuitsOptions } from "./circuit-types.ts";
import type { Carried } from "./relay.ts";
import { settled, type Patience } from "./settled.ts";

/** One step of a traced path. */
export interface TraceHop {
  readonly id: NodeId;
  /** The round trip between the node before and this one, in milliseconds, as this trace met it. */
  readonly rttMs: number;
}

/** What a trace found. */
export interface RouteTrace {
  /** The path that a new circuit takes: this node first, the target last. */
  readonly path: readonly NodeId[];
  /** Those that answered, nearest first: all but this node, unless `error` says where it ended. */
  readonly hops: readonly TraceHop[];
  /** The round trip to the last of them, in milliseconds. */
  readonly rttMs: number;
  /** Why the trace did not reach the target; its `via` names the node. */
  readonly error?: AstraError;
}

/** Each hop answers with how many microseconds the rest of the path took: u32, saturated. */
const answerBytes = 4;

/**
 * Measures every hop of the path to a node with one message there and one back: a stream like a circuit's, without bytes, whose acceptance
 * carries what each hop measured. The hops of a path that fails are measured up to the node that says so.
 * Rejects with EHOSTUNREACH where there is no path, ETIMEDOUT, and `signal.reason` after an abort.
 */
export async function traceRoute(options: CircuitsOptions, to: NodeId, patience: Patience): Promise<RouteTrace> {
  const found = options.paths.choose(to, []);
  if (found === undefined) throw new AstraError("EHOSTUNREACH", `there is no way to node ${to}`, { via: [] });
  const path = found.ids;
  const whole = await tracePath(options, path, patience);
  if ("hops" in whole) return { path, ...whole };
  const error = failureError(whole, path);
  // A node on the way answers for itself, whatever it does not carry; the target has just failed to.
  const part = path.slice(0, Math.min(whole.atIndex + 1, path.length - 1));
  const reached = part.length > 1 ? await tracePath(options, part, patience) : undefined;
  return { path, ...(reached !== undefined && "hops" in reached ? reached : { hops: [], rttMs: 0 }), error };
}

async function tracePath(options: CircuitsOptions, path: readonly NodeId[], patience: Patience): Promise<Omit<RouteTrace, "path"> | CircuitFailure> {
  const { clock, random, link } = options;
  const session = link(path[1]!)?.session;
  const stream = session && openHop(session, { path, index: 1, id: random(circuitIdBytes), kind: "trace" });
  if (stream === undefined || AstraError.is(stream)) return { reason: "no-link", atIndex: 0, retryable: true };
  const sentAt = clock.now();
  void stream.end();
  const target = path.at(-1)!;
  const late = (): AstraError => new AstraError("ETIMEDOUT", `the trace to ${target} was not answered within ${String(patience.timeoutMs)} ms`, { retryable: true });
  const answered = stream.opened.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ failure: failureOf(error, 0, 1) }),
  );
  try {
    const result = await settled(answered, clock, patience, late);
    if ("failure" in result) return result.failure;
    const times = decodeTimes(result.answer, path.length - 1);
    if (times === undefined) return { reason: "protocol", atIndex: 1, retryable: false };
    return hopsOf(path, clock.now() - sentAt, times);
  } finally {
    stream.reset();
  }
}

/** The target's answer: nothing is behind it. */
export function answerTrace(stream: Stream): void {
  stream.accept(new Uint8Array(answerBytes));
  void stream.close();
}

/** A trace on its way through this node: on its way back it gets what this node measured. */
export class TracedHop implements Carried {
  readonly movedBytes = 0;
  readonly heldBytes = 0;
  /** So that it never counts as a circuit that may stay. */
  readonly answered = false;
  readonly #upstream: Stream;
  readonly #downstream: Stream;
  readonly #ended: () => void;
  #over = false;

  /** `index` is this node's place on the path, `behind` the number of nodes after it. */
  constructor(upstream: Stream, downstream: Stream, init: { readonly clock: Clock; readonly index: number; readonly behind: number; readonly ended: () => void }) {
    const { clock, index, behind, ended } = init;
    this.#upstream = upstream;
    this.#downstream = downstream;
    this.#ended = ended;
    const sentAt = clock.now();
    void downstream.end();
    downstream.opened.then(
      (answer) => {
        if (decodeTimes(answer, behind) === undefined) this.fail({ reason: "protocol", atIndex: index + 1, retryable: false });
        else this.#answer(clock.now() - sentAt, answer);
      },
      (error: unknown) => this.fail(failureOf(error, index, index + 1)),
    );
    upstream.closed.catch(() => this.fail({ reason: "closed", atIndex: index - 1, retryable: false }));
  }

  fail(failure: CircuitFailure): void {
    if (this.#over) return;
    const code = encodeFailure(failure);
    this.#upstream.reset(code);
    this.#downstream.reset(code);
    this.#end();
  }

  #answer(elapsedMs: number, rest: Uint8Array): void {
    if (this.#over) return;
    const answer = new Uint8Array(answerBytes + rest.length);
    new DataView(answer.buffer).setUint32(0, Math.min(Math.round(elapsedMs * 1000), 0xff_ff_ff_ff));
    answer.set(rest, answerBytes);
    this.#upstream.accept(answer);
    this.#end();
    void this.#upstream.close();
    void this.#downstream.close();
  }

  #end(): void {
    this.#over = true;
    this.#ended();
  }
}

/** What each node from the next one on measured, in milliseconds; undefined where there are not `count` of them. */
export function decodeTimes(answer: Uint8Array, count: number): number[] | undefined {
  if (answer.length !== count * answerBytes) return undefined;
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
  return Array.from({ length: count }, (_, i) => view.getUint32(i * answerBytes) / 1000);
}

/** A hop took what the nodes behind it did not: each measured the rest of the path. Those who lie cannot make it negative. */
function hopsOf(path: readonly NodeId[], rttMs: number, times: readonly number[]): { hops: TraceHop[]; rttMs: number } {
  const measured = [rttMs, ...times];
  return { rttMs, hops: path.slice(1).map((id, i) => ({ id, rttMs: Math.max(0, measured[i]! - measured[i + 1]!) })) };
}
