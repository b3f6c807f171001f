import type { Stream } from "@astranet/mux";
import { AstraError, TokenBucket } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import { encodeFailure, type CircuitFailure, type FailureReason } from "./circuit-failure.ts";
import type { CircuitHeader } from "./circuit-header.ts";
import { openHop } from "./circuit-opener.ts";
import type { CircuitLimits, CircuitsOptions, CircuitStats, RelayRequest } from "./circuit-types.ts";
import { RelayBudget } from "./relay-budget.ts";
import { Splice } from "./splice.ts";
import { TracedHop } from "./trace.ts";

/** What a relay carries. */
export interface Carried {
  /** The far end has answered. */
  readonly answered: boolean;
  /** Bytes that came so far. */
  readonly movedBytes: number;
  /** Bytes that lie here. */
  readonly heldBytes: number;
  /** Ends it both ways, at once. */
  fail(failure: CircuitFailure): void;
}

/** A circuit of others, from the moment it is taken in. */
interface Entry {
  readonly request: RelayRequest;
  readonly index: number;
  /** Undefined while it is being judged. */
  carried: Carried | undefined;
  readonly since: number;
  movedBytes: number;
  movedAt: number;
  /** The hop before has given it up. */
  isGone: boolean;
}

/** What is known of a neighbour. */
interface Neighbour {
  /** Its circuits that lead through here. */
  count: number;
  /** How often it may open one … */
  readonly from: TokenBucket;
  /** … and how often others may open one to it: whoever opens and resets must not have it turn against us. */
  readonly to: TokenBucket;
}

/** The circuits of others that lead through this node: which are taken, and what becomes of them. */
export class Relay {
  readonly #options: CircuitsOptions;
  readonly #limits: CircuitLimits;
  readonly #budget: RelayBudget;
  readonly #entries = new Set<Entry>();
  readonly #neighbours = new Map<NodeId, Neighbour>();
  readonly #onchange: () => void;
  #refused = 0;
  #shedCount = 0;

  /** `onchange` is called when there is one more, or one less. */
  constructor(options: CircuitsOptions, limits: CircuitLimits, onchange: () => void) {
    this.#options = options;
    this.#limits = limits;
    this.#onchange = onchange;
    this.#budget = new RelayBudget(limits.maxRelayBytes, () => this.#shed());
  }

  get size(): number {
    return this.#entries.size;
  }

  stats(): Omit<CircuitStats, "opened" | "accepted"> {
    const { bytes, carriedBytes } = this.#budget;
    return { relayed: this.#entries.size, relayBytes: bytes, carriedBytes, refused: this.#refused, shed: this.#shedCount };
  }

  /** Carries a circuit, or a trace, on to the next hop, or resets it with what speaks against that. */
  take(stream: Stream, header: CircuitHeader): void {
    const { path, index } = header;
    const request: RelayRequest = { from: path[0]!, to: path.at(-1)!, previous: path[index - 1]!, next: path[index + 1]! };
    const reason = this.#refusal(request);
    if (reason !== undefined) {
      this.#refuse(stream, request, index, reason);
      return;
    }
    const now = this.#options.clock.now();
    const entry: Entry = { request, index, carried: undefined, since: now, movedBytes: 0, movedAt: now, isGone: false };
    this.#entries.add(entry);
    this.#neighbour(request.previous).count += 1;
    stream.closed.catch(() => (entry.isGone = true));
    this.#onchange();
    const allowed = this.#isAllowed(request);
    if (allowed === true) this.#carry(stream, header, entry);
    else void this.#carryIf(allowed, stream, header, entry);
  }

  /** No link to this neighbour takes new streams: what is known of it is of no use. Circuits over it end with the link. */
  linkDown(id: NodeId): void {
    if (this.#neighbours.get(id)?.count === 0) this.#neighbours.delete(id);
  }

  /** Resets what nobody answered, and what nothing moves over. */
  sweep(): void {
    const { clock } = this.#options;
    const { answerTimeoutMs, relayIdleTimeoutMs } = this.#limits;
    const now = clock.now();
    for (const entry of [...this.#entries]) {
      const { carried } = entry;
      if (carried === undefined) continue;
      if (carried.movedBytes !== entry.movedBytes) {
        entry.movedBytes = carried.movedBytes;
        entry.movedAt = now;
      }
      const isLate = !carried.answered && now - entry.since >= answerTimeoutMs;
      if (isLate || now - entry.movedAt >= relayIdleTimeoutMs) carried.fail({ reason: "timed-out", atIndex: entry.index, retryable: true });
    }
  }

  #refusal({ previous, next }: RelayRequest): FailureReason | undefined {
    const { relays, overloaded, link } = this.#options;
    if (!relays()) return "not-a-relay";
    if (overloaded() || this.#budget.isPressed) return "overloaded";
    const before = this.#neighbour(previous);
    if (before.count >= this.#limits.maxCircuitsPerPeer || !before.from.tryTake()) return "overloaded";
    if (link(next) === undefined) return "no-link";
    return this.#neighbour(next).to.tryTake() ? undefined : "overloaded";
  }

  #isAllowed(request: RelayRequest): boolean | Promise<boolean> {
    try {
      return this.#options.authorizeRelay?.(request) ?? true;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #carryIf(allowed: boolean | Promise<boolean>, stream: Stream, header: CircuitHeader, entry: Entry): Promise<void> {
    // A policy that fails allows nothing.
    const isAllowed = await Promise.resolve(allowed).catch(() => false);
    if (isAllowed && !entry.isGone) {
      this.#carry(stream, header, entry);
      return;
    }
    this.#over(entry);
    if (!entry.isGone) this.#refuse(stream, entry.request, entry.index, "denied");
  }

  #carry(stream: Stream, header: CircuitHeader, entry: Entry): void {
    const { clock, link } = this.#options;
    const { request } = entry;
    const { path, index } = header;
    const session = link(request.next)?.session;
    const downstream = session && openHop(session, { ...header, index: index + 1 });
    if (downstream === undefined || AstraError.is(downstream)) {
      this.#over(entry);
      this.#refuse(stream, request, index, "no-link");
      return;
    }
    const ended = (): void => this.#over(entry);
    entry.carried =
      header.kind === "trace"
        ? new TracedHop(stream, downstream, { clock, index, behind: path.length - 1 - index, ended })
        : new Splice({ upstream: stream, downstream, index, budget: this.#budget, ended });
  }

  #refuse(stream: Stream, request: RelayRequest, atIndex: number, reason: FailureReason): void {
    this.#refused += 1;
    stream.reset(encodeFailure({ reason, atIndex, retryable: true }));
    this.#options.emit?.({ type: "relayrefused", request, reason });
  }

  #over(entry: Entry): void {
    this.#entries.delete(entry);
    const { previous } = entry.request;
    const neighbour = this.#neighbours.get(previous);
    if (neighbour !== undefined) {
      neighbour.count -= 1;
      if (neighbour.count === 0 && this.#options.link(previous) === undefined) this.#neighbours.delete(previous);
    }
    this.#onchange();
  }

  /** Too many bytes lie here: those circuits go that have most of them. */
  #shed(): void {
    const carried = [...this.#entries].flatMap((entry) => (entry.carried === undefined ? [] : [{ ...entry, carried: entry.carried }]));
    carried.sort((a, b) => b.carried.heldBytes - a.carried.heldBytes);
    for (const { carried: circuit, index } of carried) {
      if (this.#budget.isRelieved) return;
      this.#shedCount += 1;
      circuit.fail({ reason: "overloaded", atIndex: index, retryable: true });
    }
  }

  #neighbour(id: NodeId): Neighbour {
    let neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) {
      const { clock } = this.#options;
      const { openBurst, opensPerSecond } = this.#limits;
      neighbour = { count: 0, from: new TokenBucket(clock, openBurst, opensPerSecond), to: new TokenBucket(clock, openBurst, opensPerSecond) };
      this.#neighbours.set(id, neighbour);
    }
    return neighbour;
  }
}
