import { Session, type Stream } from "@astranet/mux";
import { AstraError, type Connection, memoryPair } from "@astranet/transport";
import { debugConnection } from "@astranet/transport/testing";
import { ManualClock } from "../support/manual-clock.ts";
import { Link } from "./link.ts";
import { SeededRandom } from "./random.ts";
import type { End, StreamModel } from "./reference.ts";

export type Side = 0 | 1;

/** What the test aborts with. */
export const reason = new Error("aborted by the test");

/** What a promise that was handed out may do. */
interface Expectation<T> {
  readonly what: string;
  /** Say what is wrong with the outcome; undefined: nothing. */
  ok(value: T): string | undefined;
  error(error: unknown): string | undefined;
}

/** An abort that may still come. */
export interface Abortable {
  readonly controller: AbortController;
  readonly side: Side;
  /** Whether an abort may still change something, where that is known. */
  waits?(): boolean;
  /** Called with the abort, in its place. */
  abort(): void;
}

/** Two sessions back to back in virtual time, what was done to them, and all that has to hold. */
export class World {
  readonly clock: ManualClock = new ManualClock();
  readonly sessions: readonly [Session, Session];
  readonly links: readonly [Link, Link];
  readonly latencyMs: number;
  readonly manualAccept: readonly [boolean, boolean];
  readonly usesOnstream: readonly [boolean, boolean];
  /** A limit is small enough to be met: streams may be refused, or reset as too many unread bytes. */
  readonly tight: boolean;
  readonly streams: StreamModel[] = [];
  /** Streams by side that acts and id; those of side 0 are odd. */
  readonly byId: Map<number, StreamModel> = new Map<number, StreamModel>();
  /** Whether each side said GOAWAY, also by `close()`. */
  readonly saidGoAway: [boolean, boolean] = [false, false];
  readonly closing: [boolean, boolean] = [false, false];
  /** With what each side's session may have ended, and so all its streams. */
  readonly ends: readonly [Set<string>, Set<string>] = [new Set(), new Set()];
  /** The connection is gone, or will be. */
  dying = false;
  readonly pending: Set<string> = new Set<string>();
  readonly abortables: { read: Abortable[]; write: Abortable[]; accept: Abortable[] } = { read: [], write: [], accept: [] };
  failure: string | undefined;
  /** Whether `draining` has resolved. */
  readonly drained: [boolean, boolean] = [false, false];
  readonly over: [boolean, boolean] = [false, false];
  readonly #lastHanded: [number, number] = [0, 0];
  #calls = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.latencyMs = [0, 0, 0, 1, 15][random.below(5)] ?? 0;
    const sliceBytes = [65_536, 65_536, 3_000, 700][random.below(4)] ?? 65_536;
    this.tight = random.below(5) === 0;
    this.manualAccept = [random.below(2) === 0, random.below(3) > 0];
    this.usesOnstream = [random.below(3) === 0, random.below(4) === 0];
    const pair = memoryPair({ clock: this.clock, latencyMs: this.latencyMs, sliceBytes });
    // Half of the time over connections that spoil what is not theirs any more, and name who breaks the rules of ownership.
    const watched = random.below(2) === 0;
    const link = (inner: Connection): Link => {
      const onviolation = (error: AstraError): void => {
        this.fail(error.message);
      };
      return new Link(watched ? debugConnection(inner, { clock: this.clock, onviolation }) : inner, random);
    };
    this.links = [link(pair[0]), link(pair[1])];
    const initialWindow = random.below(3) === 0 ? 262_144 : 65_536;
    const make = (side: Side): Session => {
      const session = new Session(this.links[side], {
        role: side === 0 ? "client" : "server",
        clock: this.clock,
        manualAccept: this.manualAccept[side],
        initialWindow,
        closeTimeoutMs: 40,
        keepAlive: { idleTimeoutMs: 3_000 },
        ...(this.tight ? { acceptBacklog: 2, maxUnreadBytes: 150_000 } : {}),
        ...(this.usesOnstream[side]
          ? {
              onstream: (stream: Stream) => {
                this.handed(side, stream);
              },
            }
          : {}),
      });
      void session.draining.then(() => (this.drained[side] = true));
      session.closed.then(
        () => this.#sessionOver(side, undefined),
        (error: unknown) => {
          this.#sessionOver(side, error);
        },
      );
      return session;
    };
    this.sessions = [make(0), make(1)];
  }

  /** Notes the first thing that is wrong. */
  fail(what: string): void {
    this.failure ??= what;
  }

  expect(holds: boolean, what: string): void {
    if (!holds) this.fail(what);
  }

  /** Follows a promise to its one outcome. */
  track<T>(promise: Promise<T>, expected: Expectation<T>): void {
    const name = `${expected.what} #${String(++this.#calls)}`;
    this.pending.add(name);
    const outcome = (wrong: string | undefined): void => {
      this.pending.delete(name);
      if (wrong !== undefined) this.fail(`${name}: ${wrong}`);
    };
    promise.then(
      (value) => {
        outcome(expected.ok(value));
      },
      (error: unknown) => {
        outcome(expected.error(error));
      },
    );
  }

  /** The ends of streams that a side holds. */
  endsOf(side: Side): { model: StreamModel; end: End }[] {
    const ends = [];
    for (const model of this.streams) {
      const end = model.ends[side];
      if (end.stream !== undefined) ends.push({ model, end });
    }
    return ends;
  }

  /** The application of `side` got a stream that the peer opened. */
  handed(side: Side, stream: Stream): void {
    const model = this.byId.get(stream.id);
    if (model?.opener !== (side === 0 ? 1 : 0)) {
      this.fail(`stream ${String(stream.id)} was handed out, which nobody opened`);
      return;
    }
    const end = model.ends[side];
    this.expect(end.stream === undefined, `stream ${String(stream.id)} was handed out twice`);
    this.expect(stream.id > this.#lastHanded[side], `stream ${String(stream.id)} was handed out after ${String(this.#lastHanded[side])}`);
    this.expect(stream.type === model.type, `stream ${String(stream.id)} came with type ${String(stream.type)}, not ${String(model.type)}`);
    this.expect(same(stream.header, model.header), `stream ${String(stream.id)} came with another header`);
    this.#lastHanded[side] = stream.id;
    end.stream = stream;
  }

  /** Whether the stream may break at this end with this error. */
  mayBreak(model: StreamModel, end: End, error: unknown): string | undefined {
    if (!AstraError.is(error)) return `failed with ${String(error)}`;
    const { side } = end;
    const other = model.other(end);
    const { code } = error;
    const allowed =
      end.breaks.has(code) ||
      this.ends[side].has(code) ||
      (code === "ERR_ASTRANET_SESSION_CLOSED" && (this.saidGoAway[0] || this.saidGoAway[1]) && (this.over[side] || this.dying || (model.opener === side && other.stream === undefined))) ||
      (this.tight && (code === "ERR_ASTRANET_OVERLOAD" || (code === "ECONNREFUSED" && model.opener === side && !(other.stream?._accepted ?? false))));
    if (!allowed) return `failed with ${code} (${error.message}), which nothing explains`;
    if (error.retryable && (model.opener !== side || (other.stream !== undefined && code !== "ECONNREFUSED"))) return `said that the stream may be retried, which the peer has taken: ${error.message}`;
    return undefined;
  }

  #sessionOver(side: Side, error: unknown): void {
    this.over[side] = true;
    const may = this.ends[side];
    if (error === undefined) this.expect(this.saidGoAway[0] || this.saidGoAway[1], `session ${String(side)} ended by itself`);
    else this.expect(AstraError.is(error) && may.has(error.code), `session ${String(side)} ended with ${error instanceof Error ? error.message : "no error"}`);
  }
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Remembers the deadlines that have passed: calls made before may still tell of them when they were moved. */
export function noteDeadlines(world: World, end: End): void {
  const now = world.clock.now();
  if (end.readDeadline !== undefined && end.readDeadline.at <= now) end.readTimedOut = true;
  if (end.writeDeadline !== undefined && end.writeDeadline.at <= now) end.writeTimedOut = true;
}
