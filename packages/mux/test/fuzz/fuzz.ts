import { FrameDecoder, FrameError, type FrameHandler } from "@astranet/frame";
import { detect, muxado, Session, type SessionOptions, type Stream } from "@astranet/mux";
import { type Connection, memoryPair } from "@astranet/transport";
import { concat } from "../../../frame/test/support/hex.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { Dice } from "./dice.ts";
import { makeInput, type Wire } from "./input.ts";

const ignore = (): void => undefined;

const deaf: FrameHandler = {
  data: ignore,
  payload: ignore,
  dataEnd: ignore,
  rst: ignore,
  windowIncrement: ignore,
  goAway: ignore,
  settings: ignore,
  ping: ignore,
  open: ignore,
  accept: ignore,
  stop: ignore,
  link: ignore,
  reason: ignore,
  skipped: ignore,
};

function cut(dice: Dice, bytes: Uint8Array): Uint8Array[] {
  const places = [0, bytes.length];
  for (let i = dice.int(4); i > 0; i--) places.push(dice.int(bytes.length + 1));
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

/** Any bytes decode or throw FrameError, and the decoder holds no more than one control frame. */
export function fuzzDecoder(dice: Dice, bytes: Uint8Array, wire: Wire): boolean {
  const decoder = new FrameDecoder(deaf, { wire });
  try {
    for (const piece of cut(dice, bytes)) {
      decoder.push(piece);
      if (decoder.buffered > 65_536 + 8) throw new Error(`the decoder holds ${decoder.buffered} bytes`);
    }
    return true;
  } catch (error) {
    if (error instanceof FrameError) return false;
    throw error;
  }
}

/** How many calls of the application wait for something. */
class Calls {
  pending = 0;

  track<T>(promise: Promise<T>): Promise<T | undefined> {
    this.pending++;
    return promise.then(
      (value) => {
        this.pending--;
        return value;
      },
      () => {
        this.pending--;
        return undefined;
      },
    );
  }
}

type Habit = "deaf" | "holds" | "reads" | "echoes" | "pushes" | "fickle";
const habits: readonly Habit[] = ["deaf", "holds", "reads", "echoes", "pushes", "fickle"];

async function use(stream: Stream, habit: Habit, calls: Calls, dice: Dice): Promise<void> {
  void calls.track(stream.closed);
  switch (habit) {
    case "deaf":
    case "holds":
      return;
    case "pushes":
      stream.attach({
        data: (chunk) => {
          if (dice.chance(0.9)) stream.consume(chunk.length);
        },
        end: () => void stream.end(),
        reset: ignore,
      });
      return;
    case "fickle":
      if (dice.chance(0.3)) stream.stop();
      switch (dice.int(3)) {
        case 0:
          stream.reset();
          return;
        case 1:
          await calls.track(stream.close());
          return;
        default:
          await calls.track(stream.end(new Uint8Array(dice.size(1_000))));
      }
      return;
    default:
      for (;;) {
        const chunk = await calls.track(stream.read());
        if (chunk === undefined || chunk === null) break;
        if (habit === "echoes") await calls.track(stream.write(chunk));
      }
      if (habit === "echoes") void calls.track(stream.end());
  }
}

/** A session that is told fuzz, and what became of it. */
export class FuzzedSession {
  readonly clock: ManualClock = new ManualClock();
  readonly session: Session;
  readonly wire: Wire;
  /** Of the ids that its peer gives: 1 odd, 0 even. */
  readonly peerParity: number;
  readonly #dice: Dice;
  readonly #calls: Calls = new Calls();
  readonly #peer: Connection;
  readonly #said: Uint8Array[] = [];
  /** Bytes it was told. */
  told = 0;
  #closed = false;
  #peerOver = false;

  /** `silent`: it opens nothing and nobody reads, so that all it keeps is what it was told. */
  constructor(dice: Dice, silent = false) {
    this.#dice = dice;
    const habit = silent ? "holds" : dice.pick(habits);
    this.wire = dice.chance(0.6) ? "astranet" : "muxado";
    const role = dice.chance(0.7) ? "server" : "client";
    this.peerParity = role === "server" ? 1 : 0;
    const [ours, theirs] = memoryPair({ clock: this.clock });
    this.#peer = theirs;
    theirs.start({
      data: (chunk) => {
        if (!silent) this.#said.push(chunk);
      },
      drain: ignore,
      closed: () => {
        this.#peerOver = true;
      },
    });
    const other = role === "server" && dice.chance(0.2) ? detect : muxado;
    const wire = other({ typedStreams: dice.chance(0.4), random: (length) => dice.bytes(length) });
    const options: SessionOptions = {
      role,
      ...(wire.name === "detect" || this.wire === "muxado" ? { wire } : {}),
      clock: this.clock,
      ...(dice.chance(0.3) ? { maxUnreadBytes: dice.size(200_000) } : {}),
      ...(dice.chance(0.3) ? { acceptBacklog: dice.int(4) } : {}),
      ...(dice.chance(0.2) ? { manualAccept: true } : {}),
      ...(dice.chance(0.2) && habit !== "deaf" ? { onstream: (stream: Stream) => void use(stream, habit, this.#calls, dice) } : {}),
    };
    this.session = new Session(ours, options);
    void this.session.closed.then(
      () => (this.#closed = true),
      () => (this.#closed = true),
    );
    if (habit !== "deaf" && options.onstream === undefined) void this.#serve(habit);
    for (let i = silent ? 0 : dice.int(4); i > 0; i--) {
      const stream = this.session.open({ urgency: dice.int(8) });
      if (dice.chance(0.7)) void this.#calls.track(stream.write(new Uint8Array(dice.size(300_000))));
      if (habit !== "deaf") void use(stream, habit, this.#calls, dice);
    }
  }

  /** Bytes that the session said. */
  get said(): Uint8Array {
    return concat(this.#said);
  }

  /** What the session may keep of what it was told. */
  get allowance(): number {
    return 4 * this.told + 65_536 + 1_024 * this.session.streamCount;
  }

  /** Tells it the bytes, in pieces; its memory must stay within its allowance all the time. */
  async tell(bytes: Uint8Array): Promise<void> {
    for (const piece of cut(this.#dice, bytes)) {
      if (piece.length === 0) continue;
      this.told += piece.length;
      this.#peer.send([piece]);
      await this.clock.settle();
      const { retainedBytes } = this.session.stats();
      if (retainedBytes > this.allowance) throw new Error(`${retainedBytes} bytes retained of ${this.told}, with ${this.session.streamCount} streams`);
      if (this.#dice.chance(0.1)) await this.clock.advance(this.#dice.size(20_000));
    }
  }

  /** Ends it, one way or another: whatever was said before, everything ends, and nothing is left waiting. */
  async end(): Promise<void> {
    switch (this.#dice.int(4)) {
      case 0:
        this.#peer.close();
        break;
      case 1:
        this.#peer.abort(new Error("cut"));
        break;
      case 2:
        void this.#calls.track(this.session.close());
        break;
      default:
        this.session.abort(new Error("enough"));
    }
    // close() waits five seconds for its streams, and the connection as long for its peer's end.
    await this.clock.advance(5_001);
    this.#peer.close();
    await this.clock.advance(10_002);
    const left = { closed: this.#closed, peerOver: this.#peerOver, pending: this.#calls.pending, streams: this.session.streamCount, timers: this.clock.timers };
    if (!this.#closed || !this.#peerOver || left.pending > 0 || left.streams > 0 || left.timers > 0) throw new Error(`something is left: ${JSON.stringify(left)}`);
  }

  async #serve(habit: Habit): Promise<void> {
    for (;;) {
      const stream = await this.#calls.track(this.session.accept());
      if (stream === undefined) return;
      void use(stream, habit, this.#calls, this.#dice);
      if (this.#dice.chance(0.02)) this.session.goAway();
    }
  }
}

export interface FuzzReport {
  inputs: number;
  bytes: number;
  /** Inputs that the decoder took to their end. */
  sound: number;
  /** Sessions that lived until the test ended them. */
  survivors: number;
  /** Streams that were open when the input had been told, over all sessions. */
  streams: number;
}

/** Runs inputs numbered `from` to `to`: each depends only on the seed and its number, so that one that fails is run again by itself. */
export async function fuzz(seed: number, from: number, to: number, onprogress?: (report: FuzzReport) => void): Promise<FuzzReport> {
  const report: FuzzReport = { inputs: 0, bytes: 0, sound: 0, survivors: 0, streams: 0 };
  for (let number = from; number < to; number++) {
    try {
      await one(diceOf(seed, number), report);
    } catch (error) {
      throw new Error(`input ${number} of seed ${seed}`, { cause: error });
    }
    if (report.inputs % 10_000 === 0) onprogress?.(report);
  }
  return report;
}

export function diceOf(seed: number, number: number): Dice {
  return new Dice(Math.imul(seed, 0x9e37_79b1) ^ number);
}

async function one(dice: Dice, report: FuzzReport): Promise<void> {
  const subject = new FuzzedSession(dice);
  const { session, wire, peerParity } = subject;
  await subject.clock.settle();
  // What a session like this one says itself is the most lifelike thing to change a little.
  const corpus = [subject.said].filter(({ length }) => length > 0);
  const parity = dice.chance(0.95) ? peerParity : 1 - peerParity;
  const input = makeInput(dice, wire, parity, corpus);
  report.inputs++;
  report.bytes += input.length;
  if (fuzzDecoder(dice, input, wire)) report.sound++;
  await subject.tell(input);
  report.streams += session.streamCount;
  if (session.streamCount > 0) report.survivors++;
  await subject.end();
}
