import type { Conn } from "@astranet/router";

/** Bytes that went one way over a Conn so far, as one of its ends has it. */
export interface Flow {
  readonly bytes: number;
}

/** Writes zeros while `goesOn` says so, and counts what it got rid of: what `write` has resolved for. */
export function pour(conn: Conn, { chunkBytes, goesOn }: { readonly chunkBytes: number; readonly goesOn: (flow: Flow) => boolean }): Flow {
  const flow = { bytes: 0 };
  // The same bytes may be written many times.
  const chunk = new Uint8Array(chunkBytes);
  const run = async (): Promise<void> => {
    while (goesOn(flow)) {
      await conn.write(chunk);
      flow.bytes += chunkBytes;
    }
  };
  // Who reads says what broke.
  run().catch(() => undefined);
  return flow;
}

/** Reads to the end, and counts. */
export function swallow(conn: Conn): Flow {
  const flow = { bytes: 0 };
  const run = async (): Promise<void> => {
    for await (const chunk of conn) flow.bytes += chunk.length;
  };
  run().catch(() => undefined);
  return flow;
}
