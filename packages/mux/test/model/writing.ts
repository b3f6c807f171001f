import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { patternStart, patternView } from "./pattern.ts";
import type { End, Segment, StreamModel } from "./reference.ts";
import { noteDeadlines, reason, type World } from "./world.ts";

const NO_BYTES = new Uint8Array(0);

/** Writes views of the pattern. The reference takes them as written exactly when the stream has queued them. */
export function write(
  world: World,
  model: StreamModel,
  end: End,
  lengths: readonly number[],
  at: number,
  how: "write" | "end",
  abortable?: { readonly signal: AbortSignal; readonly controller: AbortController },
): void {
  const stream = end.stream as Stream;
  const bytes = lengths.reduce((sum, one) => sum + one, 0);
  const start = patternStart(at, bytes);
  let from = start;
  const chunks = lengths.map((one) => patternView((from += one) - one, one));
  const { ended } = end;
  noteDeadlines(world, end);
  const before = stream.writableLength;
  const first = chunks[0] ?? NO_BYTES;
  const promise =
    how === "end" ? stream.end(first) : stream.write(chunks.length === 1 ? first : chunks, abortable === undefined ? {} : { signal: abortable.signal });
  const queued = stream.writableLength - before;
  world.expect(queued === 0 || queued === bytes, `a write of ${String(bytes)} bytes queued ${String(queued)}`);
  const segment = queued === 0 ? undefined : end.out.push(start, bytes);
  let waits = true;
  let withdrawn = false;
  end.writesWaiting++;
  if (ended && how === "write") world.expect(queued === 0, "a write after the end was taken");
  world.track(promise, {
    what: `${how} of ${String(bytes)} bytes of stream ${String(model.id)} at ${String(end.side)}`,
    ok: () => {
      waits = false;
      end.writesWaiting--;
      if (withdrawn) return "resolved, though it was withdrawn";
      return bytes > 0 && segment === undefined ? "resolved, though it was not taken" : undefined;
    },
    error: (error) => {
      waits = false;
      end.writesWaiting--;
      if (error === reason) return withdrawn || segment === undefined ? undefined : "was aborted, though it was not withdrawn";
      return writeError(world, model, end, error, ended);
    },
  });
  if (abortable === undefined) return;
  world.abortables.write.push({
    controller: abortable.controller,
    side: end.side,
    waits: () => waits,
    abort: () => {
      const left = stream.writableLength;
      withdrawn = waits;
      abortable.controller.abort(reason);
      const gone = left - stream.writableLength;
      withdrawn &&= gone > 0;
      if (gone > 0) withdraw(world, end, segment, gone);
    },
  });
}

function withdraw(world: World, end: End, segment: Segment | undefined, bytes: number): void {
  world.expect(bytes === segment?.length, `an abort withdrew ${String(bytes)} bytes of a write of ${String(segment?.length)}`);
  const wrong = segment === undefined ? "an abort withdrew what was not taken" : end.out.withdraw(segment);
  if (wrong !== undefined) world.fail(wrong);
}

export function tryWrite(world: World, model: StreamModel, end: End, bytes: number, at: number): boolean {
  const stream = end.stream as Stream;
  const start = patternStart(at, bytes);
  noteDeadlines(world, end);
  const before = stream.writableLength;
  try {
    const taken = stream.tryWrite(patternView(start, bytes));
    world.expect(stream.writableLength - before === (taken ? bytes : 0), `tryWrite said ${String(taken)} and queued ${String(stream.writableLength - before)} of ${String(bytes)} bytes`);
    world.expect(taken || before > 0 || stream.session.stats().queuedBytes >= 1_048_576, "tryWrite took nothing, though nothing was queued");
    if (taken) {
      world.expect(!end.ended, "tryWrite took bytes after the end");
      end.out.push(start, bytes);
    }
  } catch (error) {
    const wrong = writeError(world, model, end, error, end.ended);
    if (wrong !== undefined) world.fail(`tryWrite ${wrong}`);
  }
  return true;
}

/** Says what is wrong with a write that failed so. */
export function writeError(world: World, model: StreamModel, end: End, error: unknown, afterEnd: boolean): string | undefined {
  noteDeadlines(world, end);
  if (AstraError.is(error, "ETIMEDOUT") && end.writeTimedOut) return undefined;
  if (AstraError.is(error, "ERR_ASTRANET_INVALID_STATE") && afterEnd) return undefined;
  if (AstraError.is(error, "EPIPE") && model.other(end).stopped) return undefined;
  return world.mayBreak(model, end, error);
}

/** Mostly small; now and then more than a frame, a window or the session's backlog of a megabyte. */
export function length(number: number): number {
  const size = number >>> 8;
  switch (number & 15) {
    case 0:
      return 0;
    case 1:
    case 2:
    case 3:
      return size % 20_000;
    case 4:
    case 6:
    case 7:
      return size % 100_000;
    case 5:
      return (number & 64) === 0 ? size % 390_000 : size % 3_000;
    default:
      return size % 400;
  }
}
