import type { Connection } from "../connection.ts";
import { AstraError } from "../errors.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import { check } from "./check.ts";
import { patternAt } from "./pattern.ts";
import { turns, type Probe } from "./probe.ts";

/** Two ends of one connection, fresh for each case. */
export type ConnectionPair = readonly [a: Connection, b: Connection];

/** One case of the suite: what holds, and the code that finds out. */
export interface ConnectionCase {
  readonly title: string;
  readonly run: (a: Probe, b: Probe, options: CaseOptions) => Promise<void>;
}

interface CaseOptions {
  readonly bulkBytes: number;
}

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** What every connection does. */
export const connectionCases: readonly ConnectionCase[] = [
  {
    title: "has addresses",
    run: async (a, b) => {
      for (const { connection } of [a, b]) {
        check(typeof connection.localAddress === "string", "localAddress is a string");
        check(typeof connection.remoteAddress === "string", "remoteAddress is a string");
      }
      await goodbye(a.start(), b.start());
    },
  },
  {
    title: "delivers bytes in order, both ways at once",
    run: async (a, b) => {
      a.start();
      b.start();
      await Promise.all([a.sendAll(3 * MIB, 10_007), b.sendAll(3 * MIB, 50_021), a.receivedAll(3 * MIB), b.receivedAll(3 * MIB)]);
      await goodbye(a, b);
    },
  },
  {
    title: "delivers single bytes, one a send and many in one send",
    run: async (a, b) => {
      a.start();
      b.start();
      for (let i = 0; i < 2_000; i += 1) if (!a.send(1)) await a.drained();
      a.sendChunks(Array.from({ length: 5_000 }, (_, i) => patternAt(a.sent + i, 1)));
      await b.receivedAll(7_000);
      await goodbye(a, b);
    },
  },
  {
    title: "takes a send of nothing, and empty chunks among others",
    run: async (a, b) => {
      a.start();
      b.start();
      a.sendChunks([]);
      a.sendChunks([new Uint8Array(0)]);
      a.sendChunks([new Uint8Array(0), patternAt(0, 10), new Uint8Array(0), patternAt(10, 10)]);
      await b.receivedAll(20);
      await goodbye(a, b);
    },
  },
  {
    title: "delivers nothing before start and loses nothing",
    run: async (a, b) => {
      a.start();
      a.send(100 * KIB);
      await turns(20);
      a.send(10);
      check(b.received === 0, "data came before start");
      b.start();
      await b.receivedAll(100 * KIB + 10);
      await goodbye(a, b);
    },
  },
  {
    title: "delivers what was sent before the sender's own start",
    run: async (a, b) => {
      a.send(1_000);
      b.start();
      await b.receivedAll(1_000);
      a.start();
      b.send(1_000);
      await a.receivedAll(1_000);
      await goodbye(a, b);
    },
  },
  {
    title: "is started once: a second start throws ERR_ASTRANET_INVALID_STATE",
    run: async (a, b) => {
      a.start();
      b.start();
      let error: unknown;
      try {
        a.start();
      } catch (thrown) {
        error = thrown;
      }
      check(AstraError.is(error, "ERR_ASTRANET_INVALID_STATE"), `the second start threw ${String(error)}`);
      await goodbye(a, b);
    },
  },
  {
    title: "returns false from send while over 128 KiB wait, then calls drain",
    run: async (a, b) => {
      a.start();
      check(a.send(1), "send returned false though nothing was waiting");
      const limit = 256 * MIB;
      while (a.sent < limit && a.send(64 * KIB));
      check(a.sent < limit, "send never returned false");
      check(a.sent > HIGH_WATER_BYTES, "send returned false below 128 KiB");
      const drained = a.drained();
      b.start();
      await drained;
      await b.receivedAll(a.sent);
      check(a.send(1), "send returned false after drain");
      await goodbye(a, b);
    },
  },
  {
    title: "carries bulk, with backpressure",
    run: async (a, b, { bulkBytes }) => {
      a.start();
      b.start();
      await Promise.all([a.sendAll(bulkBytes), b.receivedAll(bulkBytes)]);
      await goodbye(a, b);
    },
  },
  {
    title: "delivers while a sink sends from within data",
    run: async (a, b) => {
      b.ondata = (chunk) => {
        if (b.sent < 16 * KIB) b.send(chunk.length);
      };
      a.ondata = (chunk) => {
        if (a.sent < 16 * KIB) a.send(chunk.length);
      };
      a.start();
      b.start();
      a.send(256);
      await a.receivedAll(16 * KIB);
      await goodbye(a, b);
    },
  },
  {
    title: "leaves what was sent as it is: the same bytes can be sent many times",
    run: async (a, b) => {
      a.start();
      b.start();
      const chunk = patternAt(0, 1_000);
      b.compares = false;
      b.ondata = (received) => {
        received.fill(0xff);
      };
      for (let i = 0; i < 200; i += 1) if (!a.sendChunks([chunk, chunk])) await a.drained();
      await b.receivedAll(400_000);
      check(chunk.length === 1_000, "the sent buffer was transferred");
      check(same(chunk, patternAt(0, 1_000)), "the sent bytes were changed, or shared with the receiver");
      await goodbye(a, b);
    },
  },
  {
    title: "holds what heldBytes says and nothing else: what was sent before may be overwritten",
    run: async (a, b) => {
      const sent: { readonly chunk: Uint8Array; readonly end: number }[] = [];
      const overwrite = (): void => {
        const free = a.sent - (a.connection.heldBytes ?? Infinity);
        for (let [first] = sent; first !== undefined && first.end <= free; [first] = sent) {
          first.chunk.fill(0xff);
          sent.shift();
        }
      };
      a.start();
      const held = a.connection.heldBytes;
      check(held === undefined || held === 0, "heldBytes is not 0 though nothing was sent");
      const end = 4 * MIB;
      // Once it takes no more at once the receiver begins; from then on both are busy.
      let isStarted = false;
      while (a.sent < end) {
        const chunks = [patternAt(a.sent, 70_001), patternAt(a.sent + 70_001, 99)];
        let at = a.sent;
        for (const chunk of chunks) sent.push({ chunk, end: (at += chunk.length) });
        const hasRoom = a.sendChunks(chunks);
        overwrite();
        if (hasRoom) continue;
        if (!isStarted) b.start();
        isStarted = true;
        await a.drained();
        overwrite();
      }
      if (!isStarted) b.start();
      await b.receivedAll(a.sent);
      await goodbye(a, b);
    },
  },
  {
    title: "lets go of what it delivered: a chunk stays as it came, and changing it changes no other",
    run: async (a, b) => {
      const kept: { readonly chunk: Uint8Array; readonly at: number }[] = [];
      b.ondata = (chunk) => {
        kept.push({ chunk, at: b.received - chunk.length });
      };
      a.start();
      b.start();
      await Promise.all([a.sendAll(MIB, 30_011), b.receivedAll(MIB)]);
      for (const { chunk, at } of kept) {
        check(same(chunk, patternAt(at, chunk.length)), `a delivered chunk was changed, at byte ${String(at)}`);
        chunk.fill(0xff);
      }
      await goodbye(a, b);
    },
  },
  {
    title: "flushes before the end that close makes",
    run: async (a, b) => {
      a.start();
      b.start();
      a.send(2 * MIB);
      a.send(3);
      a.close();
      check(!a.isClosed, "closed was called within close");
      check((await b.closed()) === undefined, "the peer's closed has a reason");
      check(b.received === a.sent, `the peer got ${String(b.received)} of ${String(a.sent)} bytes`);
      check((await a.closed()) === undefined, "closed has a reason");
    },
  },
  {
    title: "delivers after close what the peer had sent",
    run: async (a, b) => {
      b.start();
      b.send(MIB);
      a.ondata = () => {
        a.close();
      };
      a.start();
      check((await a.closed()) === undefined, "closed has a reason");
      check(a.received === MIB, `${String(a.received)} of ${String(MIB)} bytes came`);
      check((await b.closed()) === undefined, "the peer's closed has a reason");
    },
  },
  {
    title: "ends in order when both ends close at once",
    run: async (a, b) => {
      a.start();
      b.start();
      a.send(1_000);
      b.send(1_000);
      a.close();
      b.close();
      check((await a.closed()) === undefined, "closed has a reason");
      check((await b.closed()) === undefined, "the other closed has a reason");
      check(a.received === 1_000 && b.received === 1_000, "bytes were lost");
    },
  },
  {
    title: "is closed once, whatever is called afterwards",
    run: async (a, b) => {
      a.start();
      b.start();
      a.close();
      a.close();
      check(a.sendChunks([patternAt(0, 10)]), "a send after close asks to wait for a drain that cannot come");
      await Promise.all([a.closed(), b.closed()]);
      for (const probe of [a, b]) {
        probe.close();
        probe.abort(new Error("late"));
        check(probe.sendChunks([patternAt(0, 10)]), "a send after the end asks to wait for a drain that cannot come");
      }
      await turns(5);
      check(b.received === 0, "what was sent after close arrived");
    },
  },
  {
    title: "aborts at once, with the reason given, and the peer hears of it",
    run: async (a, b) => {
      const reason = new Error("enough");
      a.start();
      b.start();
      a.send(1_000);
      await b.receivedAll(1_000);
      b.send(1_000);
      a.abort(reason);
      check(!a.isClosed, "closed was called within abort");
      const before = a.received;
      check((await a.closed()) === reason, "closed has another reason than abort");
      check(a.received === before, "data came after abort");
      await b.closed();
    },
  },
  {
    title: "gives an AstraError as the reason of an abort without one",
    run: async (a, b) => {
      a.start();
      b.start();
      a.abort();
      check(AstraError.is(await a.closed()), "the reason is no AstraError");
      await b.closed();
    },
  },
  {
    title: "drops what is queued when it is aborted under backpressure",
    run: async (a, b) => {
      a.start();
      while (a.sent < 256 * MIB && a.send(64 * KIB));
      a.abort(new Error("enough"));
      await a.closed();
      b.start();
      await b.closed();
      check(b.received <= a.sent, "more came than was sent");
    },
  },
  {
    title: "tells of an abort before start when it is started",
    run: async (a, b) => {
      const reason = new Error("never mind");
      a.abort(reason);
      await turns(3);
      a.start();
      check(!a.isClosed, "closed was called within start");
      check((await a.closed()) === reason, "closed has another reason than abort");
      b.start();
      await b.closed();
    },
  },
];

/** Closes one end, and holds the rules that each case ends with. */
async function goodbye(a: Probe, b: Probe): Promise<void> {
  a.close();
  const reasons = await Promise.all([a.closed(), b.closed()]);
  check(reasons[0] === undefined && reasons[1] === undefined, `after a clean end closed has a reason: ${String(reasons[0] ?? reasons[1])}`);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
