import { Socket } from "node:net";
import { Duplex, Readable, Writable } from "node:stream";
import { AstraError } from "@astranet/transport";
import { BytePair } from "../message/byte-pair.ts";
import { streamKindOf, type DuplexBytes } from "../message/kinds.ts";
import { ignore } from "../promises.ts";

/** What a stream of Node's is in a message. By assignability: for overloads a `net.Socket` would be no Duplex, but a Readable. */
export type MessageBytes<S extends Readable | Writable> = S extends Duplex ? BytePair : S extends Readable ? ReadableStream<Uint8Array> : WritableStream<Uint8Array>;

/**
 * A stream of Node's as a message can hold it: bytes go to who receives the message (a Readable), come back from there (a Writable), or both (a Duplex). The stream is the message's from then on.
 * Where the bytes break off it is destroyed with an error; a TCP socket is reset, so that who is connected can tell it from an end.
 * Throws EINVAL for what is no stream, and for one that is in object mode.
 */
export function fromNode<S extends Readable | Writable>(stream: S): MessageBytes<S>;
export function fromNode(stream: Readable | Writable | Duplex): ReadableStream<Uint8Array> | WritableStream<Uint8Array> | BytePair {
  if (isDuplex(stream)) return new BytePair(readableFrom(stream), writableFrom(stream));
  if (stream instanceof Readable) return readableFrom(stream);
  if (stream instanceof Writable) return writableFrom(stream);
  throw new AstraError("EINVAL", "fromNode takes a Readable, a Writable or a Duplex of node:stream");
}

/**
 * A stream of Node's made of bytes that came in a message. It is of `node:stream`, with all that this brings: `pipe`, `pipeline`, errors as events. Throws EINVAL for what is no byte stream.
 */
export function toNode(bytes: DuplexBytes): Duplex;
export function toNode(bytes: ReadableStream<Uint8Array>): Readable;
export function toNode(bytes: WritableStream<Uint8Array>): Writable;
export function toNode(bytes: ReadableStream<Uint8Array> | WritableStream<Uint8Array> | DuplexBytes): Readable | Writable | Duplex {
  // The types of the two are of different libraries, the streams are the same.
  switch (typeof bytes === "object" && (bytes as unknown) !== null ? streamKindOf(bytes) : undefined) {
    case "duplex": {
      const { readable, writable } = bytes as DuplexBytes;
      // The end of one direction is not that of the other.
      return Duplex.fromWeb({ readable: readable as never, writable: writable as never }, { allowHalfOpen: true });
    }
    case "readable":
      return Readable.fromWeb(bytes as never);
    case "writable":
      return Writable.fromWeb(bytes as never);
    case undefined:
      throw new AstraError("EINVAL", "toNode takes a ReadableStream, a WritableStream, or an object with both as readable and writable");
  }
}

function isDuplex(stream: Readable | Writable): stream is Duplex {
  return stream instanceof Duplex;
}

// Node's own toWeb waits, of a Duplex, for both directions where one has ended.

function readableFrom(stream: Readable): ReadableStream<Uint8Array> {
  if (stream.readableObjectMode) throw objects();
  const iterator = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array, undefined>;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => readNoMore(stream, iterator),
    },
    { highWaterMark: 0 },
  );
}

/** What still comes of a Duplex is dropped while its other direction is at work. What comes to a socket that is closed is answered with a reset anyway. */
function readNoMore(stream: Readable, iterator: AsyncIterator<Uint8Array, undefined>): void {
  if (!isDuplex(stream) || stream.writableFinished) {
    stream.destroy();
    return;
  }
  // While it is iterated it does not flow.
  iterator.return!().then(() => stream.resume(), ignore);
  stream.once("finish", () => stream.destroy());
}

/** A destroyed socket ends like one that has said everything; one that is reset does not. */
export function breakOff(stream: Readable | Writable, reason?: unknown): void {
  // A reset would wait for a connection that nobody wants any more, and has no effect while an end is on its way: the socket would stay open.
  if (stream instanceof Socket && !stream.connecting && stream.writableEnded === stream.writableFinished) {
    try {
      stream.resetAndDestroy();
      return;
    } catch {
      // It is not of TCP.
    }
  }
  stream.destroy(reason instanceof Error ? reason : new AstraError("ECONNRESET", "the bytes broke off"));
}

function writableFrom(stream: Writable): WritableStream<Uint8Array> {
  if (stream.writableObjectMode) throw objects();
  return new WritableStream<Uint8Array>({
    start: (controller) => {
      const broke = (error?: unknown): void => controller.error(error ?? new AstraError("EPIPE", "the stream was closed"));
      stream.once("error", broke);
      stream.once("close", broke);
    },
    write: (chunk) => called((done) => stream.write(chunk, done)),
    close: () => called((done) => stream.end(done)),
    abort: (reason) => breakOff(stream, reason),
  });
}

function called(call: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

function objects(): AstraError {
  return new AstraError("EINVAL", "a stream in object mode has no bytes: send its objects over a channel");
}
