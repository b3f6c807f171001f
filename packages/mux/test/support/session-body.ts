import { Session, type SessionOptions, type Stream } from "@astranet/mux";
import { AstraError, type Connection } from "@astranet/transport";
import { debugConnection } from "@astranet/transport/testing";
import { describe, expect, it } from "vitest";
import { concat } from "../../../frame/test/support/hex.ts";
import { bytes, text } from "./frames.ts";

/** Makes two connections back to back, and what to do when the test is over. */
export type Connect = () => ConnectedEnds | Promise<ConnectedEnds>;
export type ConnectedEnds = readonly [Connection, Connection, dispose?: () => void];

interface Sessions {
  readonly client: Session;
  readonly server: Session;
  readonly connections: readonly [Connection, Connection];
}

interface BodyOptions {
  /** Bytes of the bulk test each way. Default 8 MiB. */
  readonly bulkBytes?: number;
}

/** What must be true of sessions over any kind of connection: the same tests, as it is and watched by a connection that notices who breaks the rules of ownership. */
export function sessionBody(name: string, connect: Connect, options: BodyOptions = {}): void {
  describe.each([
    [name, (connection: Connection): Connection => connection],
    [`${name}, watched`, (connection: Connection): Connection => debugConnection(connection)],
  ])("sessions over %s", (_, wrap) => {
    const { bulkBytes = 8 * 1_048_576 } = options;

    async function run(body: (sessions: Sessions) => Promise<void>, more: Omit<SessionOptions, "role"> = {}): Promise<void> {
      const [a, b, dispose] = await connect();
      const connections = [wrap(a), wrap(b)] as const;
      const client = new Session(connections[0], { role: "client", ...more });
      const server = new Session(connections[1], { role: "server", ...more });
      try {
        await body({ client, server, connections });
      } finally {
        client.abort();
        server.abort();
        dispose?.();
      }
    }

    it("open, accept, echo, and end each half by itself", () =>
      run(async ({ client, server }) => {
        const stream = client.open();
        await stream.end(bytes("question"));
        const accepted = await server.accept();
        expect(await allOf(accepted)).toBe("question");
        await accepted.write(bytes("an "));
        await accepted.end(bytes("answer"));
        expect(await allOf(stream)).toBe("an answer");
        await Promise.all([stream.closed, accepted.closed, stream.opened]);
        expect([client.streamCount, server.streamCount]).toEqual([0, 0]);
      }));

    it("carry type, header and urgency", () =>
      run(async ({ client, server }) => {
        const header = new Uint8Array(1_024).fill(7);
        const stream = server.open({ type: 0xffff_fffe, header, urgency: 0 });
        const accepted = await client.accept();
        expect([accepted.type, accepted.urgency, accepted.header]).toEqual([0xffff_fffe, 0, header]);
        expect([stream.id, accepted.id]).toEqual([2, 2]);
        stream.urgency = 6;
        await stream.end(bytes("x"));
        expect(await allOf(accepted)).toBe("x");
        expect(accepted.urgency).toBe(6);
      }));

    it("tell the peer of a reset, with its code", () =>
      run(async ({ client, server }) => {
        const stream = client.open();
        await stream.write(bytes("x"));
        const accepted = await server.accept();
        expect(text(await accepted.read())).toBe("x");
        const read = accepted.read();
        // A reason goes only to a peer that is known to understand it.
        await client.ping();
        stream.reset(300, "over and out");
        await expect(read).rejects.toMatchObject({ code: "ECONNRESET", remoteCode: 300 });
        await expect(read).rejects.toThrow("over and out");
      }));

    it("tell the peer of a stop", () =>
      run(async ({ client, server }) => {
        const stream = client.open();
        await stream.write(bytes("x"));
        const accepted = await server.accept();
        accepted.stop(301);
        await accepted.end(bytes("stopped"));
        expect(await allOf(stream)).toBe("stopped");
        await expect(stream.write(bytes("y"))).rejects.toMatchObject({ code: "EPIPE", remoteCode: 301 });
      }));

    it("hold 1,000 streams at once, each with its own bytes", () =>
      run(async ({ client, server }) => {
        void echoAll(server);
        const streams = Array.from({ length: 1_000 }, () => client.open());
        const answers = streams.map(async (stream) => {
          const own = `stream ${String(stream.id)}`;
          await stream.write(bytes(own));
          let answer = "";
          while (answer.length < own.length) answer += text(await stream.read()) ?? "";
          expect(answer).toBe(own);
        });
        await Promise.all(answers);
        expect(server.streamCount).toBe(1_000);
        await Promise.all(streams.map((stream) => stream.end()));
        await Promise.all(streams.map(async (stream) => expect(await stream.read()).toBeNull()));
        expect(client.streamCount).toBe(0);
      }));

    it("carry bulk both ways at once, unharmed", () =>
      run(async ({ client, server }) => {
        const sent = pattern(bulkBytes);
        const stream = client.open();
        await stream.write(bytes("!"));
        const accepted = await server.accept();
        expect(text(await accepted.read())).toBe("!");
        const [there, back] = await Promise.all([digestOf(accepted), digestOf(stream), writeAll(stream, sent), writeAll(accepted, sent)]);
        const digest = await sha256(sent);
        expect([there, back]).toEqual([digest, digest]);
      }));

    it("work through the WHATWG views", () =>
      run(async ({ client, server }) => {
        const stream = client.open();
        const writer = stream.writable.getWriter();
        void writer.write(bytes("through "));
        void writer.close();
        const accepted = await server.accept();
        await accepted.readable.pipeTo(accepted.writable);
        let all = "";
        for (const reader = stream.readable.getReader(); ; ) {
          const { value, done } = await reader.read();
          if (done) break;
          all += text(value) ?? "";
        }
        expect(all).toBe("through ");
      }));

    it("measure round trips", () =>
      run(async ({ client, server }) => {
        const [there, back] = await Promise.all([client.ping(), server.ping()]);
        expect(there).toBeGreaterThanOrEqual(0);
        expect(client.rttMs).toBe(there);
        expect(server.rttMs).toBe(back);
      }));

    it("drain when one side closes, and both know it was a clean end", () =>
      run(async ({ client, server }) => {
        const stream = client.open();
        const accepted = await server.accept();
        const closed = server.close();
        await client.draining;
        expect(() => client.open()).toThrow("ERR_ASTRANET_SESSION_DRAINING");
        await stream.end(bytes("still carried"));
        expect(await allOf(accepted)).toBe("still carried");
        await accepted.end(bytes("so is this"));
        expect(await allOf(stream)).toBe("so is this");
        await closed;
        expect(await client.closed).toEqual({ code: 0, debug: "", remote: true });
        expect((await server.closed).code).toBe(0);
      }));

    it("say with GOAWAY which streams may be tried again", () =>
      run(async ({ client, server }) => {
        const taken = client.open();
        const left = client.open();
        const read = left.read();
        await Promise.all([taken.write(bytes("x")), left.write(bytes("y"))]);
        const accepted = await server.accept();
        server.goAway(0, "moving");
        await expect(read).rejects.toMatchObject({ code: "ERR_ASTRANET_SESSION_CLOSED", retryable: true });
        await accepted.end(bytes("z"));
        expect(await allOf(taken)).toBe("z");
      }));

    it("break every stream when the connection breaks", () =>
      run(async ({ client, server, connections }) => {
        const streams = Array.from({ length: 10 }, () => client.open());
        const reads = streams.map((stream) => stream.read());
        await Promise.all(streams.map((stream) => stream.write(bytes("x"))));
        await server.accept();
        const waiting = server.ping();
        connections[0].abort(new Error("pulled out"));
        for (const read of reads) await expect(read).rejects.toSatisfy((error: unknown) => AstraError.is(error, "ECONNRESET"));
        await expect(client.closed).rejects.toMatchObject({ code: "ECONNRESET" });
        await expect(server.closed).rejects.toMatchObject({ code: "ECONNRESET" });
        await waiting.catch(() => undefined);
      }));
  });
}

async function echoAll(session: Session): Promise<void> {
  try {
    for await (const stream of session) void echo(stream).catch(() => undefined);
  } catch {
    // The test has ended the session.
  }
}

async function echo(stream: Stream): Promise<void> {
  for await (const chunk of stream) await stream.write(chunk);
  await stream.end();
}

async function allOf(stream: Stream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += text(chunk) ?? "";
  return all;
}

async function writeAll(stream: Stream, all: Uint8Array): Promise<void> {
  // Odd sizes, so that no chunk ends where a frame does.
  for (let at = 0; at < all.length; at += 50_021) await stream.write(all.subarray(at, at + 50_021));
  await stream.end();
}

async function digestOf(stream: Stream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return sha256(concat(chunks));
}

async function sha256(all: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", all as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pattern(length: number): Uint8Array {
  const all = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    all[i] = state >>> 16;
  }
  return all;
}
