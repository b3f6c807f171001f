import type { Connection } from "@astranet/transport";
import { bytes } from "./collect.ts";

/**
 * The far end of a test of backpressure: of two connections the first is not read until something comes over the second, which is answered with
 * "go". What came over the first is answered with its length when it ends.
 */
export class HeldBack {
  #first: Connection | undefined = undefined;

  accept(connection: Connection): void {
    if (this.#first === undefined) {
      this.#first = connection;
      return;
    }
    const first = this.#first;
    this.#first = undefined;
    connection.start({
      data: () => {
        connection.send([bytes("go")]);
        count(first);
      },
      drain: () => undefined,
      closed: () => undefined,
    });
  }
}

function count(connection: Connection): void {
  let length = 0;
  connection.start({
    data: (chunk) => {
      length += chunk.length;
      // The last byte, and only that, is 1.
      if (chunk.at(-1) === 1) connection.send([bytes(String(length))]);
    },
    drain: () => undefined,
    closed: () => undefined,
  });
}
