import type { Stream } from "@astranet/mux";
import { encodeFailure, failureOf, type CircuitFailure } from "./circuit-failure.ts";
import { BufferPins } from "./buffer-pins.ts";
import type { RelayBudget } from "./relay-budget.ts";
import { RelayQueue } from "./relay-queue.ts";

/** While the node has too many bytes of circuits, a direction with more than this gets no credit. */
const pressedBytes = 65_536;

/** What a Splice is made with. */
export interface SpliceInit {
  /** The stream from the hop before, and the one to the hop after. */
  readonly upstream: Stream;
  readonly downstream: Stream;
  /** This node's place on the path. */
  readonly index: number;
  readonly budget: RelayBudget;
  /** It is over; called once. */
  ended(): void;
}

/**
 * A circuit of others on its way through this node: two streams, each direction by itself. Bytes are carried as they come, without
 * copies where they are large; the hop before gets credit only as they are framed for the hop after, so that what lies here is bounded
 * by its window. Ends and failures pass through.
 */
export class Splice {
  /** The far end has answered. */
  answered = false;
  readonly #init: SpliceInit;
  readonly #forth: Lane;
  readonly #back: Lane;
  #streamsLeft = 2;
  #over = false;

  constructor(init: SpliceInit) {
    this.#init = init;
    const { upstream, downstream, budget } = init;
    this.#forth = new Lane(upstream, downstream, budget);
    this.#back = new Lane(downstream, upstream, budget);
    this.#attach(upstream, downstream, this.#forth, this.#back);
    this.#attach(downstream, upstream, this.#back, this.#forth);
    // The far end accepts in words or by its first bytes, and so do we.
    downstream.opened.then(
      () => {
        this.answered = true;
        upstream.accept();
      },
      () => undefined,
    );
    // A stream whose reading half has ended tells its sink nothing more.
    for (const stream of [upstream, downstream]) {
      stream.closed.then(
        () => this.#done(),
        (error: unknown) => this.#broke(stream, error),
      );
    }
  }

  /** Bytes that came so far, both ways. */
  get movedBytes(): number {
    return this.#forth.came + this.#back.came;
  }

  /** The bytes of the direction that has most of them here. */
  get heldBytes(): number {
    return Math.max(this.#forth.bytes, this.#back.bytes);
  }

  /** Ends it both ways, at once. */
  fail(failure: CircuitFailure): void {
    const code = encodeFailure(failure);
    this.#end(code);
  }

  #attach(stream: Stream, other: Stream, out: Lane, into: Lane): void {
    const { budget } = this.#init;
    // `tryWrite` throws where the stream that is written to takes no more.
    stream.attach({
      data: (chunk) => {
        if (this.#over) return;
        try {
          out.data(chunk);
        } catch (error) {
          this.#broke(other, error);
        }
        budget.check();
      },
      end: () => {
        if (!this.#over) out.end();
      },
      framed: (bytes) => {
        if (this.#over) return;
        try {
          into.framed(bytes);
        } catch (error) {
          this.#broke(stream, error);
        }
      },
      ready: () => {
        if (this.#over) return;
        try {
          into.pump();
        } catch (error) {
          this.#broke(stream, error);
        }
      },
      reset: (error) => this.#broke(stream, error),
    });
  }

  /** One of the streams has ended; the other hears what that means, in the same tick. */
  #broke(stream: Stream, error: unknown): void {
    if (this.#over) return;
    const { upstream, index } = this.#init;
    this.#end(encodeFailure(failureOf(error, index, stream === upstream ? index - 1 : index + 1)));
  }

  #done(): void {
    this.#streamsLeft -= 1;
    if (this.#streamsLeft === 0) this.#end(undefined);
  }

  #end(code: number | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const { upstream, downstream } = this.#init;
    if (code !== undefined) {
      upstream.reset(code);
      downstream.reset(code);
    }
    this.#forth.drop();
    this.#back.drop();
    this.#init.ended();
  }
}

/** One direction: what comes on `from` leaves on `to`. */
class Lane {
  /** Bytes that came and were not framed. */
  bytes = 0;
  /** Bytes that came, ever. */
  came = 0;
  readonly #from: Stream;
  readonly #to: Stream;
  readonly #budget: RelayBudget;
  readonly #queue = new RelayQueue();
  readonly #pins: BufferPins;
  /** Bytes that were framed, and for which `from` has not got credit. */
  #owed = 0;
  #ended = false;

  constructor(from: Stream, to: Stream, budget: RelayBudget) {
    this.#from = from;
    this.#to = to;
    this.#budget = budget;
    this.#pins = new BufferPins(budget);
  }

  data(chunk: Uint8Array): void {
    this.came += chunk.length;
    this.bytes += chunk.length;
    this.#budget.bytes += chunk.length;
    const isKept = this.#pins.take(chunk, this.came);
    if (this.#queue.empty && this.#to.tryWrite(isKept ? chunk : chunk.slice())) return;
    if (isKept) this.#queue.push(chunk);
    else this.#queue.copy(chunk);
  }

  end(): void {
    this.#ended = true;
    if (this.#queue.empty) void this.#to.end();
  }

  /** `bytes` have left: only now may as many follow. */
  framed(bytes: number): void {
    this.bytes -= bytes;
    this.#budget.bytes -= bytes;
    this.#budget.carriedBytes += bytes;
    this.#owed += bytes;
    this.#pins.left(this.came - this.bytes);
    if (this.bytes <= pressedBytes || !this.#budget.isPressed) {
      this.#from.consume(this.#owed);
      this.#owed = 0;
    }
    if (!this.#queue.empty) this.pump();
  }

  pump(): void {
    for (let chunk = this.#queue.first(); chunk !== undefined; chunk = this.#queue.first()) {
      if (!this.#to.tryWrite(chunk)) return;
      this.#queue.shift();
    }
    if (this.#ended) void this.#to.end();
  }

  drop(): void {
    this.#pins.left(this.came);
    this.#budget.bytes -= this.bytes;
    this.bytes = 0;
  }
}
