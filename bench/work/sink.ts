import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { BenchStream } from "../peers/peer.ts";
import { Ping } from "./ping.ts";
import { CHUNK, PatternCounter, pattern } from "./pattern.ts";

/** First bytes of a stream: what the server shall do with it, and how many bytes follow. */
const HEADER = 16;

export const Kind = {
  /** Count, compare, answer with one byte when all has come. */
  count: 0,
  /** Answer with the SHA-256 of all that came. */
  hash: 1,
  /** Like count, and one of the streams whose fairness is measured. */
  fair: 2,
  /** Count without end; the client asks for the count. */
  endless: 3,
  /** Send each ping back, the endless count in its first 8 bytes. */
  echo: 4,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Turns of the event loop that a sender gives up: without them a peer that never holds back would never send. */
const BYTES_A_TURN = 16 * 1024 * 1024;

function header(kind: Kind, length: number): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind);
  view.setFloat64(8, length);
  return bytes;
}

/** Sends the header and resolves when the peer would take more. */
export async function introduce(stream: BenchStream, kind: Kind, length = 0): Promise<void> {
  await stream.write(header(kind, length));
}

/** Writes `parts` over and over until `length` bytes are written or `stop` says so; gives the bytes written. */
export async function pump(stream: BenchStream, parts: readonly Uint8Array[], length: number, stop?: () => boolean): Promise<number> {
  let sent = 0;
  let turnAt = BYTES_A_TURN;
  for (let i = 0; sent < length; i++) {
    const part = parts[i % parts.length] ?? pattern;
    const wait = stream.write(part);
    sent += part.byteLength;
    if (wait !== undefined) await wait;
    if (sent >= turnAt) {
      turnAt += BYTES_A_TURN;
      await turn();
    }
    if (stop?.() === true) break;
  }
  return sent;
}

/** One stream from header to answer; gives the answer. `length` is a multiple of what `parts` hold. */
export async function transfer(stream: BenchStream, kind: Kind, parts: readonly Uint8Array[], length: number): Promise<Uint8Array> {
  const answered = new Promise<Uint8Array>((resolve) => {
    const size = kind === Kind.hash ? 32 : 1;
    const answer = new Uint8Array(size);
    let got = 0;
    stream.read(
      (chunk) => {
        answer.set(chunk, got);
        got += chunk.byteLength;
        if (got === size) resolve(answer);
      },
      () => undefined,
    );
  });
  await introduce(stream, kind, length);
  await pump(stream, parts, length);
  const answer = await answered;
  stream.end();
  return answer;
}

/** The untimed pass over a fresh stream: every byte of `length` is hashed at the receiver and compared. */
export async function verify(stream: BenchStream, parts: readonly Uint8Array[], length: number): Promise<void> {
  const expected = createHash("sha256");
  for (let sent = 0; sent < length; sent += CHUNK) expected.update(pattern);
  const answer = await transfer(stream, Kind.hash, parts, length);
  if (!expected.digest().equals(answer)) throw new Error("the receiver's SHA-256 differs");
}

/** The server's side of all of the above. */
export class Sinks {
  readonly fair: PatternCounter[] = [];
  readonly endless: PatternCounter = new PatternCounter();
  /** Slowest ÷ fastest of the `fair` streams at the moment the first of them is complete. */
  fairness = 0;
  readonly #streams: number;

  constructor(streams: number) {
    this.#streams = streams;
  }

  accept(stream: BenchStream): void {
    let head = new Uint8Array(0);
    let sink: ((chunk: Uint8Array) => void) | undefined;
    stream.read(
      (chunk) => {
        if (sink !== undefined) {
          sink(chunk);
          return;
        }
        head = Buffer.concat([head, chunk]);
        if (head.byteLength < HEADER) return;
        const view = new DataView(head.buffer, head.byteOffset);
        sink = this.#sink(stream, view.getUint32(0) as Kind, view.getFloat64(8));
        if (head.byteLength > HEADER) sink(head.subarray(HEADER));
      },
      () => {
        stream.end();
      },
    );
  }

  #sink(stream: BenchStream, kind: Kind, length: number): (chunk: Uint8Array) => void {
    if (kind === Kind.hash) return hashing(stream, length);
    if (kind === Kind.echo) {
      const ping = new Ping((answer) => {
        new DataView(answer.buffer).setFloat64(0, this.endless.received);
        void stream.write(answer);
      });
      return (chunk) => {
        ping.add(chunk);
      };
    }
    const counter = kind === Kind.endless ? this.endless : new PatternCounter();
    if (kind === Kind.fair) this.fair.push(counter);
    return (chunk) => {
      counter.add(chunk);
      if (kind === Kind.endless || counter.received < length) return;
      if (counter.received > length) throw new Error(`${String(counter.received)} bytes came, ${String(length)} were announced`);
      if (kind === Kind.fair) this.#note();
      void stream.write(new Uint8Array(1));
    };
  }

  #note(): void {
    if (this.fairness !== 0) return;
    const counts = this.fair.map((counter) => counter.received);
    this.fairness = this.fair.length < this.#streams ? 0 : Math.min(...counts) / Math.max(...counts);
  }
}

function hashing(stream: BenchStream, length: number): (chunk: Uint8Array) => void {
  const hash = createHash("sha256");
  let got = 0;
  return (chunk) => {
    hash.update(chunk);
    got += chunk.byteLength;
    if (got === length) void stream.write(hash.digest());
  };
}
