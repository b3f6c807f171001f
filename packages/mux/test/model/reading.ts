import type { Stream, StreamSink } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import type { End, StreamModel } from "./reference.ts";
import { noteDeadlines, reason, type World } from "./world.ts";

export interface ReadOutcome {
  readonly what: string;
  ok(value: Uint8Array | null): string | undefined;
  error(error: unknown): string | undefined;
  chunk(chunk: Uint8Array): string | undefined;
  done(): undefined;
}

/** What a read that begins now may give. */
export function readOutcome(world: World, model: StreamModel, end: End, what: string, signal?: AbortSignal): ReadOutcome {
  const another = end.readWaits;
  end.readWaits = true;
  noteDeadlines(world, end);
  const done = (): undefined => {
    if (!another) end.readWaits = end.iterating = false;
    return undefined;
  };
  const chunk = (bytes: Uint8Array): string | undefined => took(model, end, bytes);
  return {
    what: `${what} of stream ${String(model.id)} at ${String(end.side)}`,
    chunk,
    done,
    ok(value) {
      done();
      return value === null ? reachedEnd(model, end) : chunk(value);
    },
    error(error) {
      done();
      if (error === reason && signal?.aborted === true) return undefined;
      return readError(world, model, end, error, another);
    },
  };
}

/** Reads until there is nothing now, `most` times at most. */
export function readSync(world: World, model: StreamModel, end: End, most: number): void {
  const stream = end.stream as Stream;
  noteDeadlines(world, end);
  try {
    for (let i = 0; i < most; i++) {
      const chunk = stream.tryRead();
      const wrong = chunk === undefined ? undefined : chunk === null ? reachedEnd(model, end) : took(model, end, chunk);
      if (wrong !== undefined) world.fail(`tryRead: ${wrong}`);
      if (!(chunk instanceof Uint8Array) || wrong !== undefined) return;
    }
  } catch (error) {
    const wrong = readError(world, model, end, error, false);
    if (wrong !== undefined) world.fail(`tryRead of stream ${String(model.id)} at ${String(end.side)}: ${wrong}`);
  }
}

/** Takes what comes, and checks it. `eager`: consumes at once; else when the test says so. */
export function sinkOf(world: World, model: StreamModel, end: End, eager: boolean): StreamSink {
  const stream = end.stream as Stream;
  const fail = (wrong: string | undefined): void => {
    if (wrong !== undefined) world.fail(`sink of stream ${String(model.id)} at ${String(end.side)}: ${wrong}`);
  };
  return {
    data(chunk) {
      if (end.sinkOver || end.sinkReset) fail("data after its end");
      const { length } = chunk;
      fail(took(model, end, chunk));
      // While attach runs the bytes may be consumed too.
      if (eager) stream.consume(length);
      else end.held += length;
    },
    end() {
      if (end.sinkOver || end.sinkReset) fail("a second end");
      end.sinkOver = true;
      fail(reachedEnd(model, end));
    },
    ready: () => undefined,
    reset(error) {
      if (end.sinkReset) fail(`a second reset: ${error.message}`);
      end.sinkReset = true;
      // After the end it is the writing half that breaks.
      const wrong = AstraError.is(error, "ERR_ASTRANET_INVALID_STATE") ? error.message : end.sinkOver ? world.mayBreak(model, end, error) : readError(world, model, end, error, false);
      fail(wrong);
    },
  };
}

function took(model: StreamModel, end: End, bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "an empty chunk was read";
  if (end.sawEnd) return "bytes came after the end";
  const wrong = model.other(end).out.take(bytes);
  // A chunk read is the reader's: whatever it does to it, nobody else must notice.
  bytes.fill(0xff);
  return wrong;
}

function reachedEnd(model: StreamModel, end: End): string | undefined {
  if (end.stopped) return undefined;
  end.sawEnd = true;
  const other = model.other(end);
  if (!other.ended) return "the end came, which the writer did not write";
  return other.out.segments.length === 0 ? undefined : `the end came before ${String(other.out.written - other.out.withdrawn - other.out.read)} bytes`;
}

function readError(world: World, model: StreamModel, end: End, error: unknown, another: boolean): string | undefined {
  noteDeadlines(world, end);
  if (AstraError.is(error, "ERR_ASTRANET_INVALID_STATE") && (another || end.stopped || end.attached)) return undefined;
  if (AstraError.is(error, "ETIMEDOUT") && end.readTimedOut) return undefined;
  if (end.owedToEnd && !end.stopped && !end.gaveUp && !world.closing[end.side] && !world.tight) return `failed with ${String(error)}, though all of it had come`;
  return world.mayBreak(model, end, error);
}
