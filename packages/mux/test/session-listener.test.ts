import { Session, SessionListener } from "@astranet/mux";
import { type Connection, memoryPair, MemoryTransport, type Transport } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { bytes, text } from "./support/frames.ts";
import { codeOf, outcome } from "./support/session-pair.ts";

const reason = new Error("changed my mind");

/** Accepts a session and dials it. */
async function dialled(listener: SessionListener, transport: Transport): Promise<[Session, Session]> {
  const accepted = listener.accept();
  const client = await Session.dial(transport, "memory", await listener.listening);
  return [client, await accepted];
}

describe("Session.dial and SessionListener", () => {
  it("make sessions of a transport's connections, with the options given", async () => {
    const transport = new MemoryTransport();
    await using listener = new SessionListener(transport, "memory", "here", { acceptBacklog: 1 });
    const [client, server] = await dialled(listener, transport);
    const streams = [client.open(), client.open()];
    void streams[0]?.end(bytes("hello"));
    await expect(streams[1]?.opened).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(text(await (await server.accept()).read())).toBe("hello");
    expect([client.remoteAddress, client.localAddress]).toEqual([server.localAddress, server.remoteAddress]);
    client.abort();
    await expect(server.closed).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("are iterated until the listener closes; sessions that were taken go on", async () => {
    const transport = new MemoryTransport();
    const listener = new SessionListener(transport, "memory", "here");
    const iterator = listener[Symbol.asyncIterator]();
    const next = iterator.next();
    const client = await Session.dial(transport, "memory", await listener.listening);
    expect((await next).done).toBe(false);
    const last = iterator.next();
    await listener.close();
    expect((await last).done).toBe(true);
    await listener.closed;
    expect(await codeOf(listener.accept())).toBe("ERR_ASTRANET_SESSION_CLOSED");
    expect(await client.ping()).toBeGreaterThanOrEqual(0);
    client.abort();
  });

  it("abort sessions beyond the backlog, and on close those that nobody took", async () => {
    const ends: Connection[] = [];
    let accept!: (connection: Connection) => void;
    const transport: Transport = {
      networks: ["test"],
      dial: () => Promise.reject(reason),
      listen(_network, _address, init) {
        accept = init.onconnection;
        return Promise.resolve({ address: "x", closed: new Promise<void>(() => undefined), close: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() });
      },
    };
    const listener = new SessionListener(transport, "test", "x", { backlog: 1 });
    expect(await listener.listening).toBe("x");
    const clients = [1, 2].map(() => {
      const [a, b] = memoryPair();
      ends.push(a);
      accept(b);
      return new Session(a, { role: "client" });
    }) as [Session, Session];
    await expect(clients[1].closed).rejects.toMatchObject({ code: "ECONNRESET" });
    await clients[0].ping();
    await listener.close();
    await expect(clients[0].closed).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("an accept that is aborted loses no session", async () => {
    const transport = new MemoryTransport();
    await using listener = new SessionListener(transport, "memory", "here");
    const controller = new AbortController();
    const waiting = listener.accept({ signal: controller.signal });
    controller.abort(reason);
    expect(await outcome(waiting)).toEqual(["rejected", reason]);
    expect(await outcome(listener.accept({ signal: controller.signal }))).toEqual(["rejected", reason]);
    const [client] = await dialled(listener, transport);
    client.abort();
  });

  it("reject where it cannot listen, or dial", async () => {
    const transport = new MemoryTransport();
    await using listener = new SessionListener(transport, "memory", "here");
    await listener.listening;
    const second = new SessionListener(transport, "memory", "here");
    await expect(second.listening).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(second.accept()).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(Session.dial(transport, "memory", "nowhere")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(Session.dial(transport, "memory", "here", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const silent: Transport = { networks: [], dial: () => Promise.reject(reason) };
    await expect(new SessionListener(silent, "x", "y").listening).rejects.toMatchObject({ code: "EINVAL" });
  });
});
