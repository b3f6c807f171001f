import { BaseConnection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { journal } from "./journal.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** The least adapter: it notes what it is told to do, and lets a test say what happens. */
class Bare extends BaseConnection {
  readonly told: string[] = [];

  send(): boolean {
    return true;
  }
  protected begin(): void {
    this.told.push("begin");
  }
  protected end(): void {
    this.told.push("end");
  }
  protected discard(failure: object | undefined): void {
    this.told.push(failure === undefined ? "discard" : "discard after a failure");
  }
  happens(what: "drained" | "gotEnd" | "sentEnd"): void {
    this[what]();
  }
}

function bare(): { clock: VirtualClock; connection: Bare } {
  const clock = new VirtualClock();
  return { clock, connection: new Bare("bare", { clock }) };
}

describe("BaseConnection", () => {
  it("takes the kind of pipe for its addresses where it is told none", () => {
    const connection = new Bare("bare", { localAddress: "here" });
    expect([connection.localAddress, connection.remoteAddress]).toEqual(["here", "bare"]);
  });

  it("is over in order when both directions have ended, whichever is first", () => {
    for (const ends of [["gotEnd", "sentEnd"], ["sentEnd", "gotEnd"]] as const) {
      const { clock, connection } = bare();
      const log = journal(connection);
      if (ends[0] === "sentEnd") connection.close();
      connection.happens(ends[0]);
      clock.advance(0);
      expect(log.events).toEqual([]);
      connection.happens(ends[1]);
      expect(log.events).toEqual([]);
      clock.advance(0);
      expect(log.events).toEqual(["closed"]);
      expect(connection.told).toEqual(["begin", "end", "discard"]);
      expect(clock.timers).toBe(0);
    }
  });

  it("waits 5 seconds for the peer's end, and says so", () => {
    const { clock, connection } = bare();
    const log = journal(connection);
    connection.close();
    connection.happens("sentEnd");
    clock.advance(4_999);
    expect(log.events).toEqual([]);
    clock.advance(1);
    expect(log.events).toEqual(["closed ETIMEDOUT"]);
    expect(String(log.reason)).toContain("the peer did not end its direction within 5000 ms");
    expect(connection.told).toEqual(["begin", "end", "discard after a failure"]);
  });

  it("says ECONNRESET of an abort without a reason, and who aborted", () => {
    const { clock, connection } = bare();
    const log = journal(connection);
    connection.abort();
    clock.advance(0);
    expect(log.events).toEqual(["closed ECONNRESET"]);
    expect(String(log.reason)).toContain("aborted by this side");
  });

  it("is closed once, also when it is started in the tick of its abort", () => {
    const { clock, connection } = bare();
    connection.abort(new Error("enough"));
    const log = journal(connection);
    clock.advance(0);
    expect(log.events).toEqual(["closed enough"]);
    expect(connection.told).toEqual(["discard after a failure"]);
  });

  it("refuses a second start, and says why", () => {
    const { connection } = bare();
    journal(connection);
    expect(() => journal(connection)).toThrow("the connection was started before");
  });

  it("keeps for the start that there is room again, and tells it after that", () => {
    const { clock, connection } = bare();
    connection.happens("drained");
    const log = journal(connection);
    expect(log.events).toEqual([]);
    clock.advance(0);
    expect(log.events).toEqual(["drain"]);
  });

  it("tells nothing of room where there was none lacking", () => {
    const { clock, connection } = bare();
    const log = journal(connection);
    clock.advance(0);
    expect(log.events).toEqual([]);
    connection.happens("drained");
    expect(log.events).toEqual(["drain"]);
  });

  it("tells nobody of room who has closed: nothing more is sent", () => {
    const { connection } = bare();
    const log = journal(connection);
    connection.close();
    connection.happens("drained");
    expect(log.events).toEqual([]);
  });

  it("takes further ends and aborts for nothing once it is over", () => {
    const { clock, connection } = bare();
    const log = journal(connection);
    connection.abort(new Error("enough"));
    connection.happens("gotEnd");
    connection.happens("sentEnd");
    connection.close();
    connection.abort(new Error("again"));
    clock.advance(10_000);
    expect(log.events).toEqual(["closed enough"]);
    expect(connection.told).toEqual(["begin", "discard after a failure"]);
  });
});
