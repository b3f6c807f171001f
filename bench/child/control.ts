import { createInterface } from "node:readline";
import type { Ask, Measures } from "../work/work.ts";

/** Lines that begin with this are for the parent; all else on stdout is only noise. */
const MARK = "@@";

/** What goes between a child and the parent, one JSON object a line. Written for Go too: see `bench/go`. */
export type Message =
  | { readonly port: number }
  | { readonly ask: string; readonly data: number }
  | { readonly answer: Measures }
  | { readonly result: Measures }
  | { readonly error: string };

export function tell(message: Message): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${MARK}${JSON.stringify(message)}\n`, () => {
      resolve();
    });
  });
}

/** The message in a line of a child's output, if it is one. */
export function parseMessage(line: string): Message | undefined {
  return line.startsWith(MARK) ? (JSON.parse(line.slice(MARK.length)) as Message) : undefined;
}

/** Lines that the parent sends us. */
export function onLine(callback: (message: Message) => void): void {
  createInterface({ input: process.stdin }).on("line", (line) => {
    const message = parseMessage(line);
    if (message !== undefined) callback(message);
  });
}

/** Questions to the other process, by way of the parent; one at a time. */
export function asker(): Ask {
  let answered: ((measures: Measures) => void) | undefined;
  onLine((message) => {
    if ("answer" in message) answered?.(message.answer);
  });
  return async (question, data = 0) => {
    const answer = new Promise<Measures>((resolve) => {
      answered = resolve;
    });
    await tell({ ask: question, data });
    return answer;
  };
}
