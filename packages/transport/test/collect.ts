import type { Connection } from "@astranet/transport";

/** What a connection gave from its start to its end. */
export interface Collected {
  readonly bytes: Uint8Array;
  readonly chunks: readonly Uint8Array[];
  readonly reason: unknown;
}

/** Starts a connection, and resolves when it is closed. */
export function collect(connection: Connection, ondata?: (chunk: Uint8Array) => void): Promise<Collected> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    connection.start({
      data: (chunk) => {
        chunks.push(chunk);
        ondata?.(chunk);
      },
      drain: () => undefined,
      closed: (reason) => {
        const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
        let at = 0;
        for (const chunk of chunks) {
          bytes.set(chunk, at);
          at += chunk.length;
        }
        resolve({ bytes, chunks, reason });
      },
    });
  });
}
