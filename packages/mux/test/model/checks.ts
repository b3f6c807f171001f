import type { Session, Stream } from "@astranet/mux";
import { BROKEN, ENDED, FIN_RECEIVED, FIN_SENT, IN_DATA, IN_TABLE, LOCAL, READ_BROKEN, STOPPED, SYN_DONE, WRITE_BROKEN } from "../../src/stream/state.ts";
import type { End, StreamModel } from "./reference.ts";
import { readSync } from "./reading.ts";
import { type Side, type World } from "./world.ts";

/** Lets all that is under way arrive. Then both sides must agree on everything. */
export async function settle(world: World): Promise<void> {
  let before = "";
  let same = 0;
  for (let round = 0; round < 2_000; round++) {
    await world.clock.settle();
    if (world.latencyMs === 0) break;
    const now = signature(world);
    same = now === before ? same + 1 : 0;
    before = now;
    if (same === 3) break;
    await world.clock.advance(world.latencyMs);
  }
  noteStates(world);
  checkSessions(world);
  if (world.dying || world.over[0] || world.over[1] || world.closing[0] || world.closing[1]) return;
  for (const model of world.streams) checkStream(world, model);
}

function signature(world: World): string {
  return world.sessions.map(({ _sender, _receiver }) => `${String(_sender.encoder.counted)} ${String(_receiver.counted)} ${String(_sender.linkLimit)}`).join();
}

function all(session: Session): Stream[] {
  return [...session._local.values(), ...session._remote.values()];
}

function checkSessions(world: World): void {
  for (const side of [0, 1] as const) {
    const session = world.sessions[side];
    const { scheduler } = session._sender;
    const streams = new Set([...all(session), ...world.endsOf(side).map(({ end }) => end.stream as Stream)]);
    let unread = 0;
    let queued = 0;
    let active = 0;
    for (const stream of streams) {
      unread += stream._unread;
      if ((stream._state & IN_DATA) === 0) continue;
      queued += stream.writableLength;
      active++;
    }
    const name = `session ${String(side)}`;
    const counted = session._options.budget.unreadBytes;
    // What a dead session leaves to be read is no burden to those that share its budget.
    // Streams that are over and wait to be accepted are in no table: only the bound holds.
    const waiting = session.stats().backlog > 0 && counted > unread;
    world.expect(waiting || counted === (world.over[side] ? 0 : unread), `the budget of ${name} counts ${String(counted)} unread bytes of ${String(unread)}`);
    if (world.over[side]) continue;
    world.expect(scheduler.backlog === queued, `the scheduler of ${name} counts ${String(scheduler.backlog)} bytes of ${String(queued)}`);
    world.expect(scheduler.active === active, `the scheduler of ${name} counts ${String(scheduler.active)} streams of ${String(active)}`);
  }
  if (world.dying || world.over[0] || world.over[1]) return;
  const draining = world.saidGoAway[0] || world.saidGoAway[1];
  world.expect(world.drained[0] === draining && world.drained[1] === draining, "a session does not say whether it drains");
  const [a, b] = world.sessions;
  for (const [from, to] of [[a, b], [b, a]] as const) {
    world.expect(from._sender.encoder.counted === to._receiver.counted, `${String(from._sender.encoder.counted)} bytes were sent and ${String(to._receiver.counted)} came`);
    world.expect(from._sender.linkLimit === to._linkCredit.limit, "the two ends of the link disagree on its limit");
    world.expect(from._sender.linkLimit - from._sender.encoder.counted >= 500_000, "the link has lost credit");
  }
}

/** Nothing is under way: what one end did the other end knows, and every byte and all credit is in one place. */
function checkStream(world: World, model: StreamModel): void {
  const [a, b] = model.ends;
  if (a.stream === undefined || b.stream === undefined) return;
  const excused = model.broken || world.tight;
  const broken = ((a.stream._state | b.stream._state) & BROKEN) !== 0;
  const name = `stream ${String(model.id)}`;
  world.expect(!broken || excused, `${name} broke, and nothing explains it`);
  world.expect((a.stream._state & IN_TABLE) === (b.stream._state & IN_TABLE), `${name} is open at one end only`);
  if (broken) return;
  for (const end of model.ends) checkDirection(world, model, end, model.other(end), name);
  if (a.urgencySet !== b.urgencySet && !excused && ((a.stream._state | b.stream._state) & FIN_SENT) === 0)
    world.expect(a.stream.urgency === b.stream.urgency, `${name} has urgency ${String(a.stream.urgency)} at one end and ${String(b.stream.urgency)} at the other`);
  a.urgencySet = b.urgencySet = false;
}

function checkDirection(world: World, model: StreamModel, writer: End, reader: End, name: string): void {
  const from = writer.stream as Stream;
  const to = reader.stream as Stream;
  const where = `${name} from ${String(writer.side)}`;
  world.expect((from._state & FIN_SENT) === 0 || (to._state & FIN_RECEIVED) !== 0, `${where}: the FIN left and did not come`);
  if ((from._state & FIN_SENT) === 0) {
    world.expect(from._sendWindow === to._recvWindow, `${where}: the writer has a window of ${String(from._sendWindow)}, the reader one of ${String(to._recvWindow)}`);
    world.expect((to._state & STOPPED) === 0, `${where}: the writer did not answer a stop`);
    world.expect((from._state & ENDED) === 0 || from.writableLength > 0, `${where}: it was ended, and no FIN left`);
  }
  world.expect(from.writableLength === 0 || from._sendWindow === 0, `${where}: ${String(from.writableLength)} bytes wait, though there is a window of ${String(from._sendWindow)}`);
  if (from.writableLength > 0) world.expect(to._unread > 0 || to._owed > 0, `${where}: bytes wait for a window, and nobody holds any`);
  if (((from._state | to._state) & (WRITE_BROKEN | READ_BROKEN | STOPPED)) === 0 && reader.closedAt === undefined) {
    const sent = writer.out.written - writer.out.withdrawn - from.writableLength;
    world.expect(to._unread + writer.out.read - reader.held === sent - (reader.attached ? reader.held : 0) || to._unread + writer.out.read - reader.held === sent, `${where}: ${String(sent)} bytes were sent, ${String(writer.out.read)} read and ${String(to._unread)} are unread`);
  }
  if ((to._state & FIN_RECEIVED) !== 0 && !reader.stopped && !model.broken) reader.owedToEnd = true;
}

/** Both ends read and write to the end. Then nothing may be left, anywhere. */
export async function finish(world: World): Promise<void> {
  await settle(world);
  for (let round = 0; round < 300 && world.failure === undefined; round++) {
    let moved = false;
    for (const side of [0, 1] as const) moved = wind(world, side) || moved;
    await world.clock.settle();
    if (world.latencyMs > 0) await world.clock.advance(world.latencyMs);
    if (!moved && round > 4 && allOver(world)) break;
  }
  const quiet = !world.dying && !world.closing[0] && !world.closing[1] && !world.over[0] && !world.over[1] && allOver(world);
  // One a session for its keep-alive, one for a ping that has to wait.
  if (quiet) world.expect(world.clock.timers <= 4, `${String(world.clock.timers)} timers are left, though no stream is`);
  // Streams that were closed while their peer kept silent, the session's own close, the end of a silent link.
  await world.clock.advance(7_000);
  if (world.failure !== undefined) return;
  if (!world.dying && !world.over[0] && !world.over[1]) {
    for (const side of [0, 1] as const) checkEmpty(world, side);
    await settle(world);
    world.saidGoAway[0] = world.closing[0] = true;
    void world.sessions[0].close();
    await world.clock.advance(7_000);
  }
  for (const side of [0, 1] as const) {
    if (!world.dying) world.expect(world.over[side], `session ${String(side)} did not end`);
    checkEmpty(world, side);
    for (const { model, end } of world.endsOf(side)) {
      // Reading was only held up by a deadline, which a stream that is over keeps.
      end.stream?.setReadDeadline(undefined);
      readSync(world, model, end, Infinity);
      const { read } = model.other(end).out;
      if (!end.stopped && !end.gaveUp && !model.broken && !world.tight && !world.closing[side])
        world.expect(read >= end.owedAfterDeath, `only ${String(read)} of ${String(end.owedAfterDeath)} bytes could be read that had come before the link died`);
    }
    world.expect(world.sessions[side]._options.budget.unreadBytes === 0, `bytes are counted as unread after the end`);
  }
  await world.clock.settle();
  world.expect(world.pending.size === 0, `still pending: ${[...world.pending].join(", ")}`);
  world.expect(world.clock.timers === 0, `${String(world.clock.timers)} timers are left`);
}

function allOver(world: World): boolean {
  return world.sessions.every((session) => session.streamCount === 0);
}

/** Lets one side take what there is and end what it writes. Whether anything was left to do. */
function wind(world: World, side: Side): boolean {
  const session = world.sessions[side];
  if (!world.usesOnstream[side] && session.stats().backlog > 0) {
    const expected = { what: "last accept", ok: (stream: Stream) => (world.handed(side, stream), undefined), error: () => undefined };
    world.track(session.accept(), expected);
  }
  let moved = false;
  for (const { model, end } of world.endsOf(side)) {
    const stream = end.stream as Stream;
    if ((stream._state & IN_TABLE) === 0 && stream._unread === 0 && ((stream._state & SYN_DONE) !== 0 || (stream._state & BROKEN) !== 0)) continue;
    moved = true;
    if (end.readDeadline !== undefined || end.writeDeadline !== undefined) {
      stream.setDeadline(undefined);
      end.readDeadline = end.writeDeadline = undefined;
    }
    if (end.held > 0) {
      const { held } = end;
      end.held = 0;
      stream.consume(held);
    }
    if (!end.attached && !end.readWaits) readSync(world, model, end, Infinity);
    if (!end.ended) {
      end.ended = true;
      void stream.end();
    }
  }
  return moved;
}

function checkEmpty(world: World, side: Side): void {
  const session = world.sessions[side];
  const { streams, backlog, queuedBytes } = session.stats();
  const { scheduler, pendingOpens } = session._sender;
  const name = `session ${String(side)}`;
  world.expect(streams === 0, `${name} has ${String(streams)} streams left: ${all(session).map((stream) => describe(stream)).join(", ")}`);
  world.expect(backlog === 0, `${name} has ${String(backlog)} streams left that nobody took`);
  world.expect(queuedBytes === 0, `${name} has ${String(queuedBytes)} bytes left to send`);
  world.expect(pendingOpens === 0, `${name} has ${String(pendingOpens)} streams left to open`);
  if (!world.over[side]) world.expect(scheduler.backlog === 0 && scheduler.active === 0, `the scheduler of ${name} still counts ${String(scheduler.active)} streams and ${String(scheduler.backlog)} bytes`);
}

function describe(stream: Stream): string {
  return `${String(stream.id)} (state 0x${stream._state.toString(16)}, ${String(stream._unread)} unread, ${String(stream.writableLength)} queued, windows ${String(stream._sendWindow)}/${String(stream._recvWindow)})`;
}

/** For the histogram: what the ends of streams are now. */
export function noteStates(world: World): void {
  for (const side of [0, 1] as const)
    for (const { model, end } of world.endsOf(side)) {
      const { _state: state, writableLength, readableLength, _sendWindow: window } = end.stream as Stream;
      const { states } = end;
      const is = (bits: number): boolean => (state & bits) !== 0;
      if (is(BROKEN)) {
        if (end.breaks.has("ECONNREFUSED")) states.add("refused");
        else if (end.breaks.size > 0) states.add("reset");
        else if (world.over[side]) states.add(world.dying ? "broken with the link" : "broken with the session");
        else states.add("broken by a limit or a GOAWAY");
        if (readableLength > 0) states.add("broken, unread bytes kept");
        continue;
      }
      const accepted = is(LOCAL) ? (end.stream as Stream)._accepted : true;
      if (is(FIN_SENT) && is(FIN_RECEIVED)) states.add(is(WRITE_BROKEN) ? "over, writing broken" : "over, both ended");
      else if (is(FIN_SENT)) states.add("half closed here");
      else if (is(FIN_RECEIVED)) states.add("half closed by the peer");
      else if (is(ENDED)) states.add("ended, bytes still queued");
      else states.add(accepted ? "open" : "opening");
      if (is(LOCAL) && (state & SYN_DONE) === 0) states.add("SYN not sent");
      if (is(STOPPED)) states.add("stopped");
      if (is(WRITE_BROKEN) && model.other(end).stopped) states.add("stopped by the peer");
      if (writableLength > 0 && window === 0) states.add("waits for a window");
      if (readableLength > 0) states.add(is(FIN_RECEIVED) ? "unread bytes before the end" : "unread bytes");
      if (end.attached) states.add("attached");
      if (end.readWaits) states.add("read waits");
      if (end.writesWaiting > 0) states.add("write waits");
      if (end.readTimedOut) states.add("read deadline passed");
      if (end.writeTimedOut) states.add("write deadline passed");
      if (end.sawEnd) states.add("read to its end");
    }
}
