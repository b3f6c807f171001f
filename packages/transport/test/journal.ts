import { AstraError, type Connection } from "@astranet/transport";

/** What happened to a connection, in words: 'data 10', 'drain', 'closed', 'closed ECONNRESET', 'closed enough'. */
export interface Journal {
  readonly events: string[];
  /** All bytes that came, one after the other. */
  readonly received: number[];
  /** Why it was closed. */
  reason: unknown;
}

/** Starts a connection with a sink that writes down what happens; `ondata` is called after that. */
export function journal(connection: Connection, ondata?: (chunk: Uint8Array) => void): Journal {
  const log: Journal = { events: [], received: [], reason: undefined };
  connection.start({
    data: (chunk) => {
      log.events.push(`data ${String(chunk.length)}`);
      for (const byte of chunk) log.received.push(byte);
      ondata?.(chunk);
    },
    drain: () => {
      log.events.push("drain");
    },
    closed: (reason) => {
      log.reason = reason;
      log.events.push(reason === undefined ? "closed" : `closed ${AstraError.is(reason) ? reason.code : (reason as Error).message}`);
    },
  });
  return log;
}
