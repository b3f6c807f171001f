import type { Session, Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { BROKEN, ENDED, FIN_RECEIVED, FIN_SENT } from "../../src/stream/state.ts";
import type { Kind, Operation } from "./operations.ts";
import { type End, StreamModel } from "./reference.ts";
import { readOutcome, readSync, sinkOf } from "./reading.ts";
import { noteDeadlines, reason, same, type Side, type World } from "./world.ts";
import { length, tryWrite, write, writeError } from "./writing.ts";

const NO_BYTES = new Uint8Array(0);

/** Does what the operation says, and notes what must come of it. False: there was nothing to do it with. */
export async function act(world: World, operation: Operation): Promise<boolean> {
  const { kind, side, pick, a, b } = operation;
  const session = world.sessions[side];
  switch (kind) {
    case "open":
      return open(world, side, a, b);
    case "accept":
      accept(world, side, undefined);
      return true;
    case "abortAccept":
      return abortOr(world, "accept", side, b, (signal) => {
        accept(world, side, signal);
      });
    case "ping":
      world.track(session.ping(), {
        what: `ping of ${String(side)}`,
        ok: (rtt) => (rtt >= 0 ? undefined : `took ${String(rtt)} ms`),
        error: (error) => sessionError(world, side, error),
      });
      return true;
    case "goAway":
      session.goAway(a % 4 === 0 ? 256 + (b % 1_000) : 0, a % 3 === 0 ? "bye" : "");
      if (!world.over[side]) world.saidGoAway[side] = true;
      return true;
    case "closeSession":
      world.saidGoAway[side] = world.closing[side] = true;
      world.ends[0].add("ERR_ASTRANET_SESSION_CLOSED");
      world.ends[1].add("ERR_ASTRANET_SESSION_CLOSED");
      world.track(session.close(), { what: `close of session ${String(side)}`, ok: () => undefined, error: String });
      return true;
    case "die":
      die(world, side, a);
      return true;
    case "advance":
      await world.clock.advance([1, 5, 30, 100, 400][a % 5] ?? 1);
      return true;
    case "step":
      await world.clock.step();
      return true;
    case "settle":
      return true;
    default: {
      const ends = candidates(world, side, kind);
      // Mostly the streams opened last: the others are over, and little can be done to them.
      const chosen = ends[ends.length - 1 - ((pick >>> 3) % Math.min(ends.length, (pick & 7) === 0 ? 100 : 5))];
      return chosen !== undefined && onStream(world, operation, chosen.model, chosen.end);
    }
  }
}

function onStream(world: World, { kind, a, b }: Operation, model: StreamModel, end: End): boolean {
  const stream = end.stream as Stream;
  const name = `of stream ${String(model.id)} at ${String(end.side)}`;
  const other = model.other(end);
  switch (kind) {
    case "write":
      write(world, model, end, [length(a)], b, "write");
      return true;
    case "writeMany":
      write(world, model, end, (a & 31) === 0 ? [300_000, 300_000, 300_000, 300_000] : [length(a), length(a >>> 3), 0, length(b)], b, "write");
      return true;
    case "endWith":
      write(world, model, end, [length(a)], b, "end");
      // Not where it failed: after a deadline the direction goes on.
      end.ended ||= (stream._state & ENDED) !== 0;
      return true;
    case "abortWrite":
      return abortOr(world, "write", end.side, b, (signal, controller) => {
        // Behind more than a window takes it has to wait.
        if ((b & 6) !== 0) write(world, model, end, [(b & 2) === 0 ? 300_000 : 70_000], a, "write");
        write(world, model, end, [length(a)], b, "write", { signal, controller });
      });
    case "tryWrite":
      return tryWrite(world, model, end, length(a), b);
    case "ready":
      world.track(stream.ready(), { what: `ready ${name}`, ok: () => undefined, error: (error) => writeError(world, model, end, error, end.ended) });
      return true;
    case "end":
      end.ended = true;
      world.track(stream.end(), { what: `end ${name}`, ok: () => undefined, error: (error) => writeError(world, model, end, error, false) });
      return true;
    case "read":
      world.track(stream.read(), readOutcome(world, model, end, "read"));
      return true;
    case "abortRead":
      return abortOr(world, "read", end.side, b, (signal) => {
        world.track(stream.read({ signal }), readOutcome(world, model, end, "read", signal));
      });
    case "tryRead":
      readSync(world, model, end, 1);
      return true;
    case "readAll":
      readSync(world, model, end, Infinity);
      return true;
    case "iterate":
      if (end.readWaits || end.attached) return false;
      iterate(world, model, end, a % 4);
      return true;
    case "stop":
      end.stopped = true;
      stream.stop(code(a));
      world.expect(end.attached || (stream._state & BROKEN) !== 0 || stream.readableLength === 0, `bytes are kept ${name}, though reading was stopped`);
      return true;
    case "reset":
      // On a stream that is over it does nothing.
      if ((stream._state & FIN_SENT) === 0 || (stream._state & FIN_RECEIVED) === 0) {
        model.breakWith(end, "ECONNRESET", "ECONNRESET");
        end.gaveUp = true;
      }
      stream.reset(code(a), a % 3 === 0 ? "because" : "");
      return true;
    case "refuse":
      if (model.opener === end.side || stream._accepted) expectThrow(world, () => { stream.refuse("no"); }, "ERR_ASTRANET_INVALID_STATE", `refuse ${name}`);
      else {
        model.breakWith(end, "ECONNREFUSED", "ECONNREFUSED");
        end.gaveUp = true;
        stream.refuse(a % 2 === 0 ? "no" : "");
      }
      return true;
    case "acceptStream":
      if (model.opener === end.side) return false;
      if (!stream._accepted && (stream._state & BROKEN) === 0) model.answer = new Uint8Array(a % 5 === 0 ? 1 + (b % 1_024) : 0).fill(b);
      stream.accept(model.answer ?? NO_BYTES);
      return true;
    case "abortWriting":
      model.breakWith(end, "ECONNRESET", "ECONNRESET");
      void stream.writable.abort(reason).catch(() => undefined);
      return true;
    case "closeStream":
      end.ended = end.stopped = true;
      end.closedAt ??= world.clock.now();
      model.breakWith(end, "ECONNRESET", "ECONNRESET");
      world.track(stream.close(), { what: `close ${name}`, ok: () => undefined, error: String });
      return true;
    case "readDeadline": {
      const afterMs = [undefined, 0, 1, 30, 400][a % 5];
      noteDeadlines(world, end);
      end.readDeadline = afterMs === undefined ? undefined : { at: world.clock.now() + afterMs };
      stream.setReadDeadline(afterMs);
      return true;
    }
    case "writeDeadline": {
      const afterMs = [undefined, 0, 1, 30, 400][a % 5];
      noteDeadlines(world, end);
      end.writeDeadline = afterMs === undefined ? undefined : { at: world.clock.now() + afterMs };
      stream.setWriteDeadline(afterMs);
      return true;
    }
    case "urgency":
      stream.urgency = a % 8;
      end.urgencySet = true;
      return true;
    case "attach":
      if (end.iterating) return false;
      if (end.attached || end.readWaits) expectThrow(world, () => { stream.attach(sinkOf(world, model, end, true)); }, "ERR_ASTRANET_INVALID_STATE", `attach ${name}`);
      else {
        end.attached = true;
        stream.attach(sinkOf(world, model, end, a % 4 === 0));
      }
      return true;
    case "consume": {
      if (end.held === 0) return false;
      const bytes = a % 4 === 0 ? end.held : 1 + (b % end.held);
      end.held -= bytes;
      stream.consume(bytes);
      return true;
    }
    default:
      world.fail(`the test does not know ${kind}`);
      return other.stopped;
  }
}

/** The ends with which the operation can do something, if there are any. */
function candidates(world: World, side: Side, kind: Kind): { model: StreamModel; end: End }[] {
  const ends = world.endsOf(side);
  if (kind === "consume") return ends.filter(({ end }) => end.held > 0);
  if (kind === "read" || kind === "abortRead" || kind === "tryRead" || kind === "readAll") return ends.filter(({ end }) => !end.iterating);
  if (kind === "abortWrite") {
    const stuck = ends.filter(({ end }) => (end.stream?.writableLength ?? 0) > 0);
    return stuck.length > 0 ? stuck : ends;
  }
  if (kind === "attach") {
    const filled = ends.filter(({ end }) => !end.attached && (end.stream?._unread ?? 0) > 0);
    return filled.length > 0 ? filled : ends;
  }
  if (kind !== "acceptStream" && kind !== "refuse") return ends;
  const fresh = ends.filter(({ end }) => end.stream?._accepted === false);
  return fresh.length > 0 ? fresh : ends;
}

/** The session is aborted, its connection breaks, or falls silent. */
function die(world: World, side: Side, how: number): void {
  world.dying = true;
  for (const one of [0, 1] as const)
    for (const { model, end } of world.endsOf(one)) {
      const { _state: state, readableLength } = end.stream as Stream;
      if ((state & BROKEN) === 0 && !end.attached) end.owedAfterDeath = model.other(end).out.read + readableLength;
    }
  switch (how % 3) {
    case 0:
      world.ends[side].add("ERR_ASTRANET_SESSION_CLOSED");
      world.ends[side === 0 ? 1 : 0].add("ECONNRESET");
      world.sessions[side].abort(reason);
      break;
    case 1:
      for (const ends of world.ends) ends.add("ECONNRESET");
      world.links[side].abort(reason);
      break;
    default:
      for (const ends of world.ends) ends.add("ECONNRESET").add("ETIMEDOUT");
      for (const link of world.links) link.silent = true;
  }
}

function open(world: World, side: Side, a: number, b: number): boolean {
  const session: Session = world.sessions[side];
  const type = a % 3 === 0 ? b : undefined;
  const header = new Uint8Array(a % 5 === 0 ? b % 1_025 : a % 5 === 1 ? 3 : 0).fill(a);
  let stream: Stream;
  try {
    stream = session.open({ ...(type === undefined ? {} : { type }), header, urgency: a % 4 === 0 ? b % 8 : 3 });
  } catch (error) {
    const explained =
      (AstraError.is(error, "ERR_ASTRANET_SESSION_DRAINING") && (world.saidGoAway[0] || world.saidGoAway[1])) ||
      (AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED") && (world.closing[side] || world.dying || world.over[side]));
    world.expect(explained, `open at ${String(side)} threw ${String(error)}`);
    return true;
  }
  world.expect(!world.closing[side] && !world.over[side], `open at ${String(side)} succeeded after the end`);
  const model = new StreamModel(side, stream.id, type, header);
  const end = model.ends[side];
  end.stream = stream;
  world.expect(!world.byId.has(stream.id), `stream id ${String(stream.id)} was given out twice`);
  world.streams.push(model);
  world.byId.set(stream.id, model);
  const name = `of stream ${String(model.id)}`;
  world.track(stream.opened, {
    what: `opened ${name}`,
    ok: (answer) => (same(answer, model.answer ?? NO_BYTES) ? undefined : "another answer came than was given"),
    error: (error) => world.mayBreak(model, end, error),
  });
  if (a % 2 === 0) write(world, model, end, [length(b)], a, "write");
  return true;
}

function accept(world: World, side: Side, signal: AbortSignal | undefined): void {
  const promise = world.sessions[side].accept(signal === undefined ? {} : { signal });
  world.track(promise, {
    what: `accept of ${String(side)}`,
    ok: (stream) => {
      world.handed(side, stream);
      const model = world.byId.get(stream.id);
      if (model !== undefined)
        world.track(stream.closed, { what: `closed of accepted ${String(stream.id)}`, ok: () => undefined, error: (error) => world.mayBreak(model, model.ends[side], error) });
      return undefined;
    },
    error: (error) => {
      if (error === reason && signal?.aborted === true) return undefined;
      if (AstraError.is(error, "ERR_ASTRANET_INVALID_STATE") && world.usesOnstream[side]) return undefined;
      if (AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED") && (world.saidGoAway[side] || (world.over[side] && world.saidGoAway[side === 0 ? 1 : 0]))) return undefined;
      return sessionError(world, side, error);
    },
  });
}

function sessionError(world: World, side: Side, error: unknown): string | undefined {
  const clean = AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED") && (world.saidGoAway[0] || world.saidGoAway[1]);
  return clean || (AstraError.is(error) && world.ends[side].has(error.code)) ? undefined : `failed with ${String(error)}`;
}

function iterate(world: World, model: StreamModel, end: End, leaveAfter: number): void {
  const stream = end.stream as Stream;
  const outcome = readOutcome(world, model, end, "iteration");
  end.iterating = true;
  const run = async (): Promise<null> => {
    let left = leaveAfter;
    for await (const chunk of stream) {
      const wrong = outcome.chunk(chunk);
      if (wrong !== undefined) world.fail(wrong);
      if (left-- <= 0) {
        end.stopped = true;
        break;
      }
    }
    return null;
  };
  world.track(run(), { ...outcome, ok: () => (end.stopped ? outcome.done() : outcome.ok(null)) });
}

/** Every other time an abort of what was begun before, if there is any; else something new that may be aborted later. */
function abortOr(world: World, what: "read" | "write" | "accept", side: Side, choice: number, begin: (signal: AbortSignal, controller: AbortController) => void): boolean {
  const list = world.abortables[what];
  const index = list.map((abortable) => abortable.side === side && abortable.waits?.() !== false).lastIndexOf(true);
  if (index !== -1 && choice % 2 === 0) {
    list.splice(index, 1)[0]?.abort();
    return true;
  }
  const controller = new AbortController();
  if (choice % 16 === 1) controller.abort(reason);
  begin(controller.signal, controller);
  if (what !== "write" && !controller.signal.aborted)
    list.push({
      controller,
      side,
      abort: () => {
        controller.abort(reason);
      },
    });
  return true;
}

function expectThrow(world: World, call: () => void, code: string, what: string): void {
  try {
    call();
  } catch (error) {
    world.expect(AstraError.is(error) && error.code === code, `${what} threw ${String(error)}`);
    return;
  }
  world.fail(`${what} did not throw`);
}

/** One that an application may send. */
function code(number: number): number {
  return [6, 7, 256, 4_000_000_000][number % 4] ?? 6;
}
