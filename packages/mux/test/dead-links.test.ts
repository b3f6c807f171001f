import { Session } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { settings } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { outcome } from "./support/session-pair.ts";

function held(): { readonly connection: HeldConnection; readonly session: Session; readonly clock: ManualClock } {
  const connection = new HeldConnection();
  const clock = new ManualClock();
  return { connection, clock, session: new Session(connection, { role: "client", clock, keepAlive: { idleTimeoutMs: 900 } }) };
}

describe("the death of a link", () => {
  it.each(["ECONNRESET", "EPIPE"] as const)("that the transport calls %s is ECONNRESET, its cause what the transport said", async (code) => {
    const { connection, session } = held();
    const cause = new AstraError(code, "the cable", { via: ["a000000000000001"] });
    connection.closed(cause);
    expect((await outcome(session.closed))[1]).toMatchObject({ code: "ECONNRESET", cause, via: cause.via, message: expect.stringContaining("the connection ended without a GOAWAY") as string });
  });

  it("names no nodes where the transport names none", async () => {
    const { connection, session } = held();
    connection.closed(new AstraError("ECONNRESET", "the cable"));
    expect((await outcome(session.closed))[1]).not.toHaveProperty("via");
  });

  it("tells a stream that had not left that it was not sent, retryable, its cause what ended the session", async () => {
    const { session } = held();
    const stream = session.open();
    session.abort();
    const cause = (await outcome(session.closed))[1];
    expect((await outcome(stream.read()))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true, cause, message: expect.stringContaining("ended before the stream was sent") as string });
  });
});

describe("abort()", () => {
  it("leaves a connection alone that is over", async () => {
    const { connection, session, clock } = held();
    connection.give(settings());
    void session.close();
    await clock.settle();
    connection.closed();
    session.abort(new Error("too late"));
    expect([connection.aborted, (await outcome(session.closed))[0]]).toEqual([undefined, "resolved"]);
  });

  it("is the last word, also where the verdict on a silent peer was to come next", async () => {
    class Held extends ManualClock {
      readonly deferred: (() => void)[] = [];
      holds = false;

      override defer(callback: () => void): void {
        if (this.holds) this.deferred.push(callback);
        else super.defer(callback);
      }
    }
    const connection = new HeldConnection();
    const clock = new Held();
    const session = new Session(connection, { role: "client", clock, keepAlive: { idleTimeoutMs: 900 } });
    connection.give(settings());
    await clock.advance(899);
    clock.holds = true;
    await clock.advance(1);
    expect(clock.deferred.length).toBe(1);
    const reason = new Error("enough");
    session.abort(reason);
    for (const callback of clock.deferred) callback();
    expect(connection.aborted).toBe(reason);
  });

  it("before the first bytes came makes nothing of them", async () => {
    const { connection, session } = held();
    session.abort();
    connection.give({ type: "PING", ack: false, opaque: "0000000000000001" });
    expect([connection.isClosed, connection.frames, (await outcome(session.closed))[1]]).toMatchObject([false, [], { code: "ERR_ASTRANET_SESSION_CLOSED" }]);
  });
});
