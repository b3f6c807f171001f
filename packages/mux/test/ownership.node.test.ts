import { createHash } from "node:crypto";
import { Session, type Stream } from "@astranet/mux";
import { type AstraError, memoryPair, systemClock } from "@astranet/transport";
import { debugConnection } from "@astranet/transport/testing";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "./model/random.ts";

const STREAMS = 12;
const STREAM_BYTES = 1_500_000;

/** Written again and again, by all streams: nobody may ever change it. */
const shared = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 2_654_435_761) >>> 24);
const sharedHash = hashOf([shared]);

interface Reader {
  readonly name: string;
  /** Reads to the end; `take` gets each chunk. */
  read(stream: Stream, take: (chunk: Uint8Array) => void): Promise<void>;
}

const readers: Reader[] = [
  {
    name: "read and await",
    async read(stream, take) {
      for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) take(chunk);
    },
  },
  {
    name: "read, slowly",
    async read(stream, take) {
      for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
        take(chunk);
        await turns(1 + (chunk.length % 3));
      }
    },
  },
  {
    name: "tryRead now and then",
    async read(stream, take) {
      for (;;) {
        const chunk = stream.tryRead();
        if (chunk === null) return;
        if (chunk === undefined) await turns(5);
        else take(chunk);
      }
    },
  },
  {
    name: "push, consumed at once",
    read: (stream, take) =>
      new Promise((resolve, reject) => {
        stream.attach({
          data(chunk) {
            take(chunk);
            stream.consume(chunk.length);
          },
          end: resolve,
          reset: reject,
        });
      }),
  },
  {
    name: "push, kept and consumed late",
    read: (stream, take) =>
      new Promise((resolve, reject) => {
        let kept: Uint8Array[] = [];
        const consume = (): void => {
          for (const chunk of kept) {
            const { length } = chunk;
            take(chunk);
            stream.consume(length);
          }
          kept = [];
        };
        stream.attach({
          data(chunk) {
            if (kept.push(chunk) === 1) void turns(3).then(consume);
          },
          end() {
            consume();
            resolve();
          },
          reset: reject,
        });
      }),
  },
];

describe.each(readers)("bulk over connections that spoil what is not theirs any more: $name", ({ name, read }) => {
  test.each([0, 1])("keeps every byte, with writer %d", async (kind) => {
    const violations: AstraError[] = [];
    const [a, b] = memoryPair().map((connection) => debugConnection(connection, { onviolation: (error) => violations.push(error) }));
    const client = new Session(a as NonNullable<typeof a>, { role: "client" });
    let compacted = 0;
    const received: Promise<string>[] = [];
    const server = new Session(b as NonNullable<typeof b>, {
      role: "server",
      onstream(stream) {
        const hash = createHash("sha256");
        received.push(
          read(stream, (chunk) => {
            hash.update(chunk);
            // What is delivered lies amid other bytes; a block of the queue's begins its buffer.
            if (chunk.byteOffset === 0 && chunk.buffer.byteLength > chunk.length) compacted++;
            chunk.fill(0xff);
          }).then(() => hash.digest("hex")),
        );
        void stream.end();
      },
    });
    const random = new SeededRandom(kind + 1);
    const sent = await Promise.all(Array.from({ length: STREAMS }, () => (kind === 0 ? writing : trying)(client.open(), random)));
    // Streams are opened in order, and handed out in order.
    expect(await Promise.all(received)).toEqual(sent);
    await client.close();
    await server.closed;
    expect(violations).toEqual([]);
    expect(hashOf([shared])).toBe(sharedHash);
    if (name.includes("slowly") || name.includes("now and then")) expect(compacted).toBeGreaterThan(0);
  });
});

async function writing(stream: Stream, random: SeededRandom): Promise<string> {
  const hash = createHash("sha256");
  for (let bytes = 0; bytes < STREAM_BYTES; ) {
    const chunks = Array.from({ length: 1 + random.below(3) }, () => piece(random));
    for (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    await stream.write(chunks.length === 1 ? (chunks[0] as Uint8Array) : chunks);
  }
  await stream.end();
  return hash.digest("hex");
}

async function trying(stream: Stream, random: SeededRandom): Promise<string> {
  const hash = createHash("sha256");
  for (let bytes = 0; bytes < STREAM_BYTES; ) {
    const chunk = piece(random);
    hash.update(chunk);
    bytes += chunk.length;
    while (!stream.tryWrite(chunk)) await stream.ready();
  }
  await stream.end();
  return hash.digest("hex");
}

/** Mostly small pieces, and now and then more than a frame. */
function piece(random: SeededRandom): Uint8Array {
  const length = 1 + random.below([40, 600, 5_000, 90_000][random.below(4)] ?? 40);
  const start = random.below(shared.length - length);
  return shared.subarray(start, start + length);
}

function hashOf(chunks: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await new Promise<void>((resolve) => {
      systemClock.defer(resolve);
    });
}
