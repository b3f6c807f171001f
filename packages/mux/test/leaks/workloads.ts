import { Session, type Stream } from "@astranet/mux";
import { type Connection, memoryPair } from "@astranet/transport";
import { dial, listen } from "../processes/tcp.ts";

/** Something that is done many times, and must leave nothing. */
export interface Workload {
  readonly name: string;
  /** Of what there are so many: 'streams', 'sessions'. */
  readonly of: string;
  /** Does it `count` times. */
  run(count: number): Promise<void>;
  /** Looks after the last run whether nothing is left, and closes. */
  end(): Promise<void>;
}

const IN_FLIGHT = 100;
const message = new Uint8Array(100).fill(7);

type Pair = (onconnection: (connection: Connection) => void) => Promise<Connection>;

function ending(what: string, expected: number, found: number): void {
  if (found !== expected) throw new Error(`${String(found)} ${what} are left, not ${String(expected)}`);
}

/** Streams of one session: opened, used and ended in all ways; every call that takes one gets the same signal. */
export async function streams(pair: Pair, name: string, signal: AbortSignal): Promise<Workload> {
  let server: Session | undefined;
  const connection = await pair((accepted) => {
    server = new Session(accepted, { role: "server", onstream: answer, keepAlive: { idleTimeoutMs: 60_000 } });
  });
  const client = new Session(connection, { role: "client", keepAlive: { idleTimeoutMs: 60_000 } });
  return {
    name,
    of: "streams",
    run: (count) => inFlight(count, (i) => useStream(client, i, signal)),
    async end() {
      // The last answers may still be under way.
      for (let i = 0; i < 3; i++) await client.ping();
      ending("streams", 0, client.streamCount + (server?.streamCount ?? 0));
      const stats = [client.stats(), (server as Session).stats()];
      for (const { unreadBytes, queuedBytes, backlog, retainedBytes } of stats) ending("bytes or streams", 0, unreadBytes + queuedBytes + backlog + retainedBytes);
      await client.close();
      await server?.closed;
    },
  };
}

/** Whole sessions, with some streams each, one of which is still open when they end. */
export async function sessions(kind: "memory" | "tcp", signal: AbortSignal): Promise<Workload> {
  const accepted = new Set<Session>();
  const onconnection = (connection: Connection): void => {
    const session = new Session(connection, { role: "server", onstream: answer });
    accepted.add(session);
    const gone = (): void => void accepted.delete(session);
    session.closed.then(gone, gone);
  };
  const listener = kind === "tcp" ? await listen(onconnection) : undefined;
  const connect = async (): Promise<Connection> => {
    if (listener !== undefined) return dial(listener.port);
    const [near, far] = memoryPair();
    onconnection(far);
    return near;
  };
  return {
    name: `sessions over ${kind}`,
    of: "sessions",
    run: (count) =>
      inFlight(count, async (i) => {
        const client = new Session(await connect(), { role: "client" });
        for (let k = 0; k < 3; k++) await useStream(client, i + k, signal);
        await client.ping({ signal });
        if (i % 4 === 0) {
          const stream = client.open();
          stream.setDeadline(60_000);
          await stream.write(message, { signal });
          client.abort();
        } else await client.close();
      }),
    async end() {
      await Promise.all([...accepted].map((session) => session.closed.then(undefined, () => undefined)));
      listener?.close();
    },
  };
}

export const overMemory: Pair = (onconnection) => {
  const [near, far] = memoryPair();
  onconnection(far);
  return Promise.resolve(near);
};

/** Echoes; some of it in push mode. */
function answer(stream: Stream): void {
  if (stream.id % 8 === 1) {
    stream.attach({
      data(chunk) {
        stream.consume(chunk.length);
        void stream.write(chunk);
      },
      end: () => void stream.end(),
      reset: () => undefined,
    });
    return;
  }
  const echo = async (): Promise<void> => {
    for await (const chunk of stream) await stream.write(chunk);
    await stream.end();
  };
  echo().catch(() => undefined);
}

async function useStream(session: Session, i: number, signal: AbortSignal): Promise<void> {
  const stream = session.open(i % 5 === 0 ? { type: i, header: message, urgency: i % 8 } : {});
  if (i % 7 === 0) stream.setDeadline(60_000);
  await stream.write(message, { signal });
  if (i % 11 === 0) {
    const controller = new AbortController();
    const read = stream.read({ signal: controller.signal });
    controller.abort();
    await read.catch(() => undefined);
  }
  const chunk = await stream.read({ signal });
  if (chunk?.length !== message.length) throw new Error(`${String(chunk?.length)} bytes came back`);
  switch (i % 6) {
    case 0:
      await stream.close();
      break;
    case 1:
      stream.reset();
      break;
    case 2:
      stream.stop();
      await stream.end(message).catch(() => undefined);
      break;
    default:
      await stream.end();
      if ((await stream.read({ signal })) !== null) throw new Error("something came after the echo");
      await stream.closed;
  }
}

async function inFlight(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
}
