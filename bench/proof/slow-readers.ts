import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Session, type Stream } from "@astranet/mux";
import { AstraError, systemClock } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";

/**
 * 10,000 streams that nobody reads, with blocked writers at the other end of one TCP connection between two processes; then fresh
 * echoes of 1 KiB on the same session: `pnpm proof slow-readers [streams] [echoes]`.
 * Fails where an echo takes 50 ms or more, where what lies unread retains more than maxUnreadBytes and a quarter, or where a
 * stream was reset for anything but that.
 */
const UNREAD = 1;
const ECHO = 2;
const MAX_UNREAD_BYTES = 268_435_456;
const LIMIT_MS = 50;

interface Report {
  readonly retainedBytes: number;
  readonly unreadBytes: number;
  readonly streams: number;
  readonly rss: number;
}

async function serve(): Promise<void> {
  const take = (stream: Stream): void => {
    if (stream.type === ECHO) void stream.readable.pipeTo(stream.writable).catch(() => undefined);
  };
  const listener = await new TcpTransport().listen("tcp", "127.0.0.1:0", {
    onconnection(connection) {
      const session = new Session(connection, { role: "server", onstream: take, maxUnreadBytes: MAX_UNREAD_BYTES });
      process.on("message", () => {
        const { retainedBytes, unreadBytes, streams } = session.stats();
        process.send?.({ retainedBytes, unreadBytes, streams, rss: process.memoryUsage().rss } satisfies Report);
      });
    },
  });
  process.once("disconnect", () => process.exit());
  process.send?.(listener.address);
}

async function echo(session: Session): Promise<number> {
  const started = performance.now();
  const stream = session.open({ type: ECHO });
  void stream.end(new Uint8Array(1_024).fill(7));
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  if (length !== 1_024) throw new Error(`an echo of ${String(length)} bytes`);
  return performance.now() - started;
}

/** Echoes one after another; the median and the slowest, ms. */
async function echoes(session: Session, count: number): Promise<{ median: number; slowest: number }> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await echo(session));
  times.sort((a, b) => a - b);
  return { median: times[count >> 1] ?? NaN, slowest: times.at(-1) ?? NaN };
}

async function prove(streams: number, count: number): Promise<boolean> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"], { execArgv: process.execArgv });
  const next = <T>(): Promise<T> => new Promise((resolve) => child.once("message", (message) => { resolve(message as T); }));
  try {
    const session = await Session.dial(new TcpTransport(), "tcp", await next<string>());
    const before = await echoes(session, count);
    let written = 0;
    const resets = new Map<string, number>();
    for (let i = 0; i < streams; i++) {
      const stream = session.open({ type: UNREAD });
      void (async () => {
        for (;;) {
          await stream.write(new Uint8Array(16_384));
          written += 16_384;
        }
      })().catch((error: unknown) => {
        const code = AstraError.is(error) ? error.code : String(error);
        resets.set(code, (resets.get(code) ?? 0) + 1);
      });
    }
    const during = await echoes(session, count);
    // Until the writers are all blocked: nothing moves for half a second.
    for (let last = -1; last !== written; ) {
      last = written;
      await new Promise<void>((resolve) => void systemClock.setTimer(500, resolve, { keepAlive: true }));
    }
    const after = await echoes(session, count);
    child.send("report");
    const report = await next<Report>();
    session.abort();
    const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
    const ms = ({ median, slowest }: { median: number; slowest: number }): string => `median ${median.toFixed(2)} ms, slowest ${slowest.toFixed(2)} ms`;
    console.log(`${String(streams)} streams that nobody reads, ${mb(written)} written until all writers were blocked`);
    console.log(`unread ${mb(report.unreadBytes)}, retained ${mb(report.retainedBytes)} (budget ${mb(MAX_UNREAD_BYTES)}), resident ${mb(report.rss)}; ${String(report.streams)} streams left`);
    for (const [code, times] of resets) console.log(`${String(times)} streams ended with ${code}`);
    console.log(`an echo of 1 KiB, of ${String(count)} one after another:\n  before: ${ms(before)}\n  while the writers fill their windows: ${ms(during)}\n  with all of them blocked: ${ms(after)}`);
    return (
      after.slowest < LIMIT_MS &&
      report.retainedBytes <= MAX_UNREAD_BYTES * 1.25 &&
      [...resets.keys()].every((code) => code === "ERR_ASTRANET_OVERLOAD") &&
      (resets.get("ERR_ASTRANET_OVERLOAD") ?? 0) + report.streams === streams
    );
  } finally {
    child.kill();
  }
}

if (process.argv[2] === "serve") await serve();
else if (!(await prove(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 200)))) {
  console.log("not as it must be");
  process.exitCode = 1;
}
