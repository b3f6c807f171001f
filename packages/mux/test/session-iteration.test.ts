import { describe, expect, it } from "vitest";
import { codeOf, SessionPair } from "./support/session-pair.ts";

describe("a loop over the streams of a session", () => {
  it("that is left early leaves the session as it is, and may be begun again", async () => {
    const pair = new SessionPair();
    for (let i = 0; i < 3; i++) pair.client.open();
    await pair.settle();
    const seen: number[] = [];
    for await (const stream of pair.server) {
      seen.push(stream.id);
      break;
    }
    const iterator = pair.server[Symbol.asyncIterator]();
    for await (const stream of iterator) {
      seen.push(stream.id);
      break;
    }
    expect(seen).toEqual([1, 3]);
    expect((await pair.server.accept()).id).toBe(5);
    expect(await codeOf(pair.server.closed)).toBe("pending");
  });

  it("says that it is done when it is told to stop", async () => {
    const iterator = new SessionPair().server[Symbol.asyncIterator]();
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
  });
});
