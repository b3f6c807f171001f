import { isPattern } from "./pattern.ts";
import type { Stream } from "@astranet/mux";

/** Bytes that were written in one call: `length` of the pattern from `start` on. */
export interface Segment {
  start: number;
  length: number;
  /** Some of it was read. */
  begun: boolean;
}

/** One direction: what was written and has not been read, in order. */
export class Fifo {
  readonly segments: Segment[] = [];
  written = 0;
  withdrawn = 0;
  read = 0;

  push(start: number, length: number): Segment {
    const segment: Segment = { start, length, begun: false };
    if (length > 0) this.segments.push(segment);
    this.written += length;
    return segment;
  }

  /** The write was aborted before any of it was framed. Says what is wrong with that. */
  withdraw(segment: Segment): string | undefined {
    const index = this.segments.indexOf(segment);
    if (index === -1 || segment.begun) return "a write was withdrawn of which bytes were read";
    this.segments.splice(index, 1);
    this.withdrawn += segment.length;
    return undefined;
  }

  /** Bytes came out at the other end. Says what is wrong with them. */
  take(bytes: Uint8Array): string | undefined {
    let at = 0;
    while (at < bytes.length) {
      const [segment] = this.segments;
      if (segment === undefined) return `${String(bytes.length - at)} bytes were read that nobody wrote`;
      const size = Math.min(segment.length, bytes.length - at);
      if (!isPattern(bytes, at, at + size, segment.start)) return `wrong bytes after ${String(this.read + at)}`;
      segment.begun = true;
      segment.start += size;
      segment.length -= size;
      if (segment.length === 0) this.segments.shift();
      at += size;
    }
    this.read += bytes.length;
    return undefined;
  }
}

export interface DeadlineModel {
  at: number;
}

/** What one end did, and what may therefore happen to it. */
export class End {
  readonly side: 0 | 1;
  stream: Stream | undefined;
  /** What this end writes. */
  readonly out: Fifo = new Fifo();
  ended = false;
  stopped = false;
  /** `close()` was called, at that time. */
  closedAt: number | undefined;
  /** The codes with which both directions may fail here. */
  readonly breaks: Set<string> = new Set<string>();
  readDeadline: DeadlineModel | undefined;
  writeDeadline: DeadlineModel | undefined;
  /** A deadline passed at some time, so that calls made before it may have failed. */
  readTimedOut = false;
  writeTimedOut = false;
  readWaits = false;
  iterating = false;
  writesWaiting = 0;
  /** Null has been read. */
  sawEnd = false;
  attached = false;
  sinkOver = false;
  sinkReset = false;
  /** Bytes the sink has, not consumed yet. */
  held = 0;
  /** The peer's FIN was here before it reset: all that it wrote must be readable. */
  owedToEnd = false;
  urgencySet = false;
  /** So many bytes had come when the link died: they may be read first. */
  owedAfterDeath = 0;
  /** It reset or refused the stream itself. */
  gaveUp = false;
  /** For the histogram: what it ever was. */
  readonly states: Set<string> = new Set<string>();

  constructor(side: 0 | 1) {
    this.side = side;
  }
}

/** One stream, both its ends. */
export class StreamModel {
  readonly opener: 0 | 1;
  readonly id: number;
  readonly type: number | undefined;
  readonly header: Uint8Array;
  readonly ends: readonly [End, End] = [new End(0), new End(1)];
  /** The header it was accepted with; undefined: not accepted in words. */
  answer: Uint8Array | undefined;
  /** Somebody reset or refused it, or a limit did. */
  broken = false;

  constructor(opener: 0 | 1, id: number, type: number | undefined, header: Uint8Array) {
    this.opener = opener;
    this.id = id;
    this.type = type;
    this.header = header;
  }

  other(end: End): End {
    return this.ends[end.side === 0 ? 1 : 0];
  }

  /** Both ends may see `code`. */
  breakWith(here: End, code: string, there: string): void {
    this.broken = true;
    here.breaks.add(code);
    this.other(here).breaks.add(there);
  }
}
