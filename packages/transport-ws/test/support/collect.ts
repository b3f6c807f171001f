import type { Connection } from "@astranet/transport";

/** What came over a connection, and what it ended with. */
export interface Collected {
  readonly text: string;
  readonly reason: unknown;
}

/** Starts a connection, and resolves when it is closed. */
export function collect(connection: Connection, ondata: (chunk: Uint8Array) => void = () => undefined): Promise<Collected> {
  let text = "";
  const decoder = new TextDecoder();
  return new Promise((resolve) => {
    connection.start({
      data: (chunk) => {
        text += decoder.decode(chunk, { stream: true });
        ondata(chunk);
      },
      drain: () => undefined,
      closed: (reason) => {
        resolve({ text, reason });
      },
    });
  });
}

/** Sends back what comes. */
export function echo(connection: Connection): void {
  connection.start({
    data: (chunk) => {
      connection.send([chunk]);
    },
    drain: () => undefined,
    closed: () => undefined,
  });
}

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Sends a text to an echo, and gives back what came until both ends had ended. */
export async function exchange(connection: Connection, text = "hello"): Promise<string> {
  const collected = collect(connection, () => {
    connection.close();
  });
  connection.send([bytes(text)]);
  const { text: back, reason } = await collected;
  if (reason !== undefined) throw reason as Error;
  return back;
}
