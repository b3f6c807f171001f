import { type Session, SessionListener, type SessionListenerOptions } from "@astranet/mux";
import { AstraError, type Connection, MemoryTransport, type Transport } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { codeOf, outcome } from "./support/session-pair.ts";

/** A listener whose connections are the test's, which come when it says so. */
async function held(options: SessionListenerOptions): Promise<{ readonly listener: SessionListener; come(): HeldConnection }> {
  let accept!: (connection: Connection) => void;
  const transport: Transport = {
    networks: ["test"],
    dial: () => Promise.reject(new Error("it only listens")),
    listen(_network, _address, init) {
      accept = init.onconnection;
      return Promise.resolve({ address: "x", closed: new Promise<void>(() => undefined), close: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  };
  const listener = new SessionListener(transport, "test", "x", { clock: new ManualClock(), ...options });
  await listener.listening;
  return {
    listener,
    come() {
      const connection = new HeldConnection();
      accept(connection);
      return connection;
    },
  };
}

function failing(listen: () => never): SessionListener {
  return new SessionListener({ networks: [], dial: () => Promise.reject(new Error("no")), listen }, "test", "x");
}

describe("a listener's backlog", () => {
  it("that is full aborts a connection with ECONNREFUSED, which says so", async () => {
    const { listener, come } = await held({ backlog: 1 });
    expect(come().aborted).toBeUndefined();
    expect(come().aborted).toMatchObject({ code: "ECONNREFUSED", message: expect.stringContaining("backlog is full") as string });
    await listener.accept();
    expect(come().aborted).toBeUndefined();
  });

  it("does not count who is waited for, 0 or not", async () => {
    const { listener, come } = await held({ backlog: 0 });
    const waiting = listener.accept();
    expect(come().aborted).toBeUndefined();
    expect((await outcome(waiting))[0]).toBe("resolved");
    expect(come().aborted).toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("a listener that is closed", () => {
  it("aborts what its transport still brings, and who nobody took: they hear why", async () => {
    const { listener, come } = await held({});
    const untaken = come();
    const waiting = listener.accept();
    const session = (await outcome(waiting))[1] as Session;
    const left = come();
    await listener.close();
    expect(come().aborted).toMatchObject({ code: "ECONNREFUSED" });
    expect([untaken.aborted, left.aborted]).toEqual([undefined, expect.objectContaining({ code: "ERR_ASTRANET_SESSION_CLOSED", message: expect.stringContaining("the listener is closed") as string })]);
    expect(await codeOf(session.closed)).toBe("pending");
    expect((await outcome(listener.accept()))[1]).toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", message: expect.stringContaining("the listener is closed") as string });
  });

  it("leaves its address to others, also where it was disposed of", async () => {
    const transport = new MemoryTransport();
    for (let round = 0; round < 2; round++) {
      await using listener = new SessionListener(transport, "memory", "here");
      expect(await listener.listening).toBe("here");
    }
    await expect(transport.dial("memory", "here")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("a listener that cannot listen", () => {
  const cause = new Error("no socket");

  it("says which network its transport has no listen for", async () => {
    const silent: Transport = { networks: [], dial: () => Promise.reject(cause) };
    const listener = new SessionListener(silent, "pigeon", "y");
    for (const promise of [listener.listening, listener.accept()]) await expect(promise).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("the transport for pigeon cannot listen") as string });
  });

  it("gives what listen threw as the cause of an EINVAL, where it is no error of ours", async () => {
    const listener = failing(() => {
      throw cause;
    });
    await expect(listener.listening).rejects.toBe(cause);
    await expect(listener.accept()).rejects.toMatchObject({ code: "EINVAL", cause, message: expect.stringContaining("cannot listen") as string });
  });

  it("keeps its error when it is closed afterwards, and throws it into a loop", async () => {
    const error = new AstraError("EACCES", "a privileged port");
    const listener = failing(() => {
      throw error;
    });
    await listener.closed;
    await listener.close();
    await expect(listener.accept()).rejects.toBe(error);
    await expect(listener[Symbol.asyncIterator]().next()).rejects.toBe(error);
  });
});
