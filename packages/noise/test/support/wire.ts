import type { Connection, ConnectionSink } from "@astranet/transport";
import { memoryPair } from "@astranet/transport";

/** Somebody in the middle of two connections: what either end sends goes through a function, which may change, keep, repeat or drop it. */
export interface Middle {
  /** What the initiator sent, in whole messages, each after its length. Gives what to send on. */
  toResponder: (message: Uint8Array, index: number) => readonly Uint8Array[];
  toInitiator: (message: Uint8Array, index: number) => readonly Uint8Array[];
  /** Ends both connections in order, as whoever can write packets can. */
  cut(): void;
  /** All messages of each direction, as they were sent. */
  readonly fromInitiator: Uint8Array[];
  readonly fromResponder: Uint8Array[];
}

/** Two connections with somebody in between. */
export function tapped(): { readonly initiator: Connection; readonly responder: Connection; readonly middle: Middle } {
  const [initiator, left] = memoryPair();
  const [right, responder] = memoryPair();
  const fromInitiator: Uint8Array[] = [];
  const fromResponder: Uint8Array[] = [];
  const middle: Middle = {
    toResponder: (message) => [message],
    toInitiator: (message) => [message],
    cut: () => {
      left.close();
      right.close();
    },
    fromInitiator,
    fromResponder,
  };
  left.start(relay(right, fromInitiator, (message, index) => middle.toResponder(message, index)));
  right.start(relay(left, fromResponder, (message, index) => middle.toInitiator(message, index)));
  return { initiator, responder, middle };
}

function relay(to: Connection, seen: Uint8Array[], change: (message: Uint8Array, index: number) => readonly Uint8Array[]): ConnectionSink {
  let rest = new Uint8Array(0);
  return {
    data: (chunk) => {
      const bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
      let at = 0;
      while (bytes.length - at >= 2) {
        const end = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
        if (end > bytes.length) break;
        const message = bytes.slice(at, end);
        seen.push(message);
        to.send(change(message, seen.length - 1));
        at = end;
      }
      rest = bytes.slice(at);
    },
    drain: () => undefined,
    closed: () => to.close(),
  };
}

/** What came out of a connection. */
export interface Heard {
  readonly chunks: Uint8Array[];
  readonly text: () => string;
  readonly closed: Promise<unknown>;
  /** Resolves when so many bytes have come. */
  bytes(count: number): Promise<void>;
}

/** Starts a connection and listens. */
export function listen(connection: Connection): Heard {
  const chunks: Uint8Array[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let received = 0;
  const closed = new Promise<unknown>((resolve) => {
    connection.start({
      data: (chunk) => {
        chunks.push(chunk);
        received += chunk.length;
        for (const { count, resolve: done } of waiting) if (received >= count) done();
      },
      drain: () => undefined,
      closed: resolve,
    });
  });
  return {
    chunks,
    closed,
    text: () => chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
    bytes: (count) => new Promise((resolve) => (received >= count ? resolve() : waiting.push({ count, resolve }))),
  };
}

/** What a promise rejects with; an Error where it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return new Error("it resolved");
}

/** The message behind its length. */
export function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + message.length);
  bytes.set([message.length >> 8, message.length & 0xff]);
  bytes.set(message, 2);
  return bytes;
}
