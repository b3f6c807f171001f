import { Session, type Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { credit, settings } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";

interface Lender {
  readonly connection: HeldConnection;
  readonly session: Session;
  readonly stream: Stream;
  /** The ends of ticks. */
  flush(): Promise<void>;
}

/** A stream of a session whose connection holds as many bytes as the test says. */
async function lender(heldBytes: number | undefined): Promise<Lender> {
  const connection = new HeldConnection();
  connection.heldBytes = heldBytes;
  const clock = new ManualClock();
  const session = new Session(connection, { role: "client", clock });
  session.closed.catch(() => undefined);
  connection.give(settings());
  const stream = session.open();
  const flush = (): Promise<void> => clock.settle();
  await flush();
  return { connection, session, stream, flush };
}

describe("a chunk that is lent to tryWrite()", () => {
  it("comes back once, when it was sent and the connection holds none of it", async () => {
    const { stream, flush } = await lender(0);
    const chunk = new Uint8Array(10_000);
    const back: Uint8Array[] = [];
    expect(stream.tryWrite(chunk, (each) => back.push(each))).toBe(true);
    expect(back).toEqual([]);
    await flush();
    expect(back).toEqual([chunk]);
    expect(back[0]).toBe(chunk);
    stream.tryWrite(chunk);
    await flush();
    expect(back.length).toBe(1);
  });

  it("stays away while the connection holds its last byte", async () => {
    const { connection, stream, flush } = await lender(0);
    const back: string[] = [];
    connection.hasRoom = false;
    connection.heldBytes = 3_000 + 8 + 1;
    stream.tryWrite(new Uint8Array(5_000), () => back.push("first"));
    stream.tryWrite(new Uint8Array(3_000), () => back.push("second"));
    await flush();
    expect(back).toEqual([]);
    connection.heldBytes = 3_000;
    connection.drain();
    expect(back).toEqual(["first"]);
    connection.heldBytes = 1;
    connection.drain();
    expect(back).toEqual(["first"]);
    connection.heldBytes = 0;
    connection.drain();
    expect(back).toEqual(["first", "second"]);
  });

  it("comes back whole: not while a part of it waits for the peer's window", async () => {
    const { connection, stream, flush } = await lender(0);
    const back: string[] = [];
    stream.tryWrite(new Uint8Array(70_000), () => back.push("back"));
    await flush();
    expect(stream.writableLength).toBe(70_000 - 65_536);
    expect(back).toEqual([]);
    connection.give(credit(1, 10_000));
    await flush();
    expect(back).toEqual(["back"]);
  });

  it("is given away where the connection cannot tell what it holds", async () => {
    const { stream, flush } = await lender(undefined);
    const back: string[] = [];
    stream.tryWrite(new Uint8Array(10_000), () => back.push("back"));
    await flush();
    expect(back).toEqual([]);
  });

  it("is not lent where tryWrite() says false: the caller has it still", async () => {
    const { connection, stream, flush } = await lender(0);
    const back: string[] = [];
    stream.tryWrite(new Uint8Array(70_000));
    await flush();
    const chunk = new Uint8Array(100);
    expect(stream.tryWrite(chunk, () => back.push("back"))).toBe(false);
    void stream.write(chunk);
    connection.give(credit(1, 10_000));
    await flush();
    expect(stream.writableLength).toBe(0);
    expect(back).toEqual([]);
  });

  it("does not come back where it was dropped with its stream, or with the session", async () => {
    const { connection, session, stream, flush } = await lender(0);
    const back: string[] = [];
    stream.tryWrite(new Uint8Array(10_000), () => back.push("reset"));
    stream.reset();
    await flush();
    connection.heldBytes = 20_000;
    session.open().tryWrite(new Uint8Array(10_000), () => back.push("dead"));
    await flush();
    connection.closed(new Error("the cable was cut"));
    connection.heldBytes = 0;
    connection.drain();
    expect(back).toEqual([]);
  });
});
