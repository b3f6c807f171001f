import type { Session, Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { decode, encode, type Frame } from "../../frame/test/support/frames.ts";
import { fromHex, toHex } from "../../frame/test/support/hex.ts";
import { type Transcript, transcripts } from "../../frame/test/support/transcripts.ts";
import { expectMuxadoManners, FIN, muxado, payloadOf, SYN, type Options } from "./support/muxado.ts";
import type { RawPeer } from "./support/raw-peer.ts";

type Bytes = Required<Pick<Transcript, "clientToServer" | "serverToClient">> & Transcript;
const recorded = new Map(
  transcripts.filter((transcript): transcript is Bytes => transcript.clientToServer !== undefined).map((transcript) => [transcript.scenario, transcript]),
);

/** What the two programs of a recording did, done with our Session. */
interface Scenario {
  readonly name: string;
  readonly options?: Options;
  readonly client: (session: Session) => Promise<unknown>;
  readonly server: (session: Session) => Promise<unknown>;
  /** What the client program must come to; and the server program. */
  readonly clientResult?: unknown;
  readonly serverResult?: unknown;
  /** Where ours may differ from Go's by right: the codes of resets, by stream. */
  readonly resets?: { readonly client?: Record<number, number>; readonly server?: Record<number, number> };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function readAll(stream: Stream): Promise<Uint8Array> {
  const all: number[] = [];
  for await (const chunk of stream) all.push(...chunk);
  return Uint8Array.from(all);
}

async function readText(stream: Stream): Promise<string> {
  return new TextDecoder().decode(await readAll(stream));
}

async function ask(stream: Stream, question: string): Promise<string> {
  void stream.end(bytes(question));
  return readText(stream);
}

/** Serves each stream until the session ends; gives what was asked on them. */
async function serve(session: Session, answer: (asked: Uint8Array, stream: Stream) => Uint8Array): Promise<string[]> {
  const served: Promise<string>[] = [];
  for await (const stream of session) {
    served.push(
      readAll(stream).then((asked) => {
        void stream.end(answer(asked, stream));
        return new TextDecoder().decode(asked);
      }),
    );
  }
  return Promise.all(served);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no error",
    (error: unknown) => (error as { remoteCode?: number }).remoteCode,
  );
}

const nothing = (session: Session): Promise<unknown> => session.closed;

const scenarios: Scenario[] = [
  {
    name: "echo",
    client: async (session) => [await ask(session.open(), "hello 0"), await ask(session.open(), "hello 1"), await ask(session.open(), "hello 2")],
    server: (session) => serve(session, (asked) => asked),
    clientResult: ["hello 0", "hello 1", "hello 2"],
    serverResult: ["hello 0", "hello 1", "hello 2"],
  },
  {
    name: "typed",
    options: { typedStreams: true },
    client: (session) => ask(session.open({ type: 0x01020304 }), "abc"),
    server: (session) => serve(session, (asked, { type }) => bytes(`type=${String(type)} len=${asked.length}`)),
    clientResult: "type=16909060 len=3",
    serverResult: ["abc"],
  },
  {
    name: "accept",
    client: async (session) => {
      const stream = await session.accept();
      const heard = await readText(stream);
      void stream.end(bytes("reply from go client"));
      return [stream.id, heard];
    },
    server: (session) => ask(session.open(), "from go server"),
    clientResult: [2, "from go server"],
    serverResult: "reply from go client",
  },
  {
    name: "backlog",
    options: { acceptBacklog: 2 },
    client: (session) => {
      const streams = Array.from({ length: 5 }, () => {
        const stream = session.open();
        void stream.write(bytes("x"));
        return stream;
      });
      return Promise.all(streams.slice(2).map((stream) => codeOf(stream.read())));
    },
    server: nothing,
    clientResult: [9, 9, 9],
  },
  {
    name: "lateclose",
    client: (session) => {
      const stream = session.open();
      void stream.write(bytes("hello"));
      void stream.close();
      return Promise.resolve();
    },
    server: (session) => serve(session, (asked) => asked),
    serverResult: ["hello"],
    // Go resets with 4 when the answer comes to a stream that was closed; we say 6 as soon as our FIN is out.
    resets: { client: { 3: 6 } },
  },
];

interface Summary {
  payload: string;
  fin: boolean;
  reset: number | undefined;
  granted: number;
}

function summarize(frames: readonly Frame[]): Map<number, Summary> {
  const streams = new Map<number, Summary>();
  for (const frame of frames) {
    if (frame.type !== "DATA" && frame.type !== "RST" && frame.type !== "WNDINC") continue;
    const summary = streams.get(frame.streamId) ?? { payload: "", fin: false, reset: undefined, granted: 0 };
    streams.set(frame.streamId, summary);
    if (frame.type === "RST") summary.reset = frame.code;
    else if (frame.type === "WNDINC") summary.granted += frame.increment;
    else {
      summary.payload += frame.payload;
      summary.fin ||= (frame.flags & FIN) !== 0;
    }
  }
  return streams;
}

/** That a peer who said `theirs`, and expects what Go answered (`go`), can take `ours` for it. */
function expectAcceptable(ours: readonly Frame[], go: readonly Frame[], theirs: readonly Frame[], resets: Record<number, number> = {}, atOnce = false): void {
  expectMuxadoManners(ours);
  const said = summarize(ours);
  const asked = summarize(theirs);
  for (const [id, expected] of summarize(go)) {
    const actual = said.get(id);
    const reset = resets[id] ?? expected.reset;
    // A stream whose reset came with the question needs no answer.
    if (atOnce && actual === undefined && asked.get(id)?.reset !== undefined) continue;
    // Credit is returned as we see fit, so a stream of which Go says only that may have nothing from us.
    if (actual === undefined) expect({ id, ...expected }).toMatchObject({ payload: "", fin: false, reset: undefined });
    else expect({ id, ...actual }).toMatchObject({ id, payload: expected.payload, fin: expected.fin, reset });
  }
  for (const [id, { granted }] of said) expect(granted).toBeLessThanOrEqual((asked.get(id)?.payload.length ?? 0) / 2);
}

interface Replay {
  /** What Go said on the recorded side, before its GOAWAY, and the GOAWAY. */
  readonly lines: readonly Frame[];
  readonly goodbye: Frame;
  /** What Go said on the side that we take. */
  readonly go: readonly Frame[];
}

function replayOf(name: string, side: "client" | "server"): Replay {
  const transcript = recorded.get(name)!;
  const framesOf = (hex: string): readonly Frame[] => decode(fromHex(hex), { wire: "muxado" }).frames;
  const client = framesOf(transcript.clientToServer);
  const server = framesOf(transcript.serverToClient);
  const lines = side === "client" ? client : server;
  expect(lines.at(-1)!.type).toBe("GOAWAY");
  return { lines: lines.slice(0, -1), goodbye: lines.at(-1)!, go: (side === "client" ? server : client).slice(0, -1) };
}

const withoutGoAway = (frames: readonly Frame[]): Frame[] => frames.filter(({ type }) => type !== "GOAWAY");

/** Ways to deliver what a peer says: frame by frame, byte by byte, or all at once. */
const deliveries: readonly (readonly [name: string, deliver: (peer: RawPeer, lines: readonly Frame[]) => Promise<void>])[] = [
  [
    "frame by frame",
    async (peer, lines) => {
      for (const line of lines) await peer.say(line);
    },
  ],
  [
    "byte by byte",
    async (peer, lines) => {
      for (const byte of encode(lines).bytes) await peer.say(Uint8Array.of(byte));
    },
  ],
  [
    "all at once",
    async (peer, lines) => {
      await peer.say(...lines);
    },
  ],
];

describe.each(scenarios)("$name, as Go's muxado did it", ({ name, options, client, server, clientResult, serverResult, resets }) => {
  it.each(deliveries)("with Go's client, %s: our server is one that it takes", async (way, deliver) => {
    const { lines, goodbye, go } = replayOf(name, "client");
    const peer = muxado("server", options);
    const result = server(peer.session);
    await peer.listen();
    await deliver(peer, lines);
    await peer.say(goodbye);
    await peer.end();
    expect(await peer.session.closed).toEqual({ code: 0, debug: "no error", remote: true });
    if (serverResult !== undefined) expect(await result).toEqual(serverResult);
    expectAcceptable(withoutGoAway(peer.frames), go, lines, resets?.server, way === "all at once");
    expect(peer.over).toEqual({ reason: undefined });
    expect(peer.session.streamCount).toBe(0);
  });

  it("with Go's server: our client is one that it takes", async () => {
    const { lines, goodbye, go } = replayOf(name, "server");
    const peer = muxado("client", options);
    const result = client(peer.session);
    await peer.listen();
    const asked = new Set<number>();
    for (const line of lines) {
      // Go answered streams that were open; ours must have opened them by now.
      const id = (line as { streamId: number }).streamId;
      if (id % 2 === 1) asked.add(id);
      for (const opened of asked) expect(peer.frames).toContainEqual(expect.objectContaining({ streamId: opened, flags: SYN }));
      await peer.say(line);
    }
    const closed = peer.session.close();
    await peer.clock.advance(5_000);
    await peer.say(goodbye);
    await peer.end();
    await closed;
    expect(await peer.session.closed).toMatchObject({ code: 0 });
    if (clientResult !== undefined) expect(await result).toEqual(clientResult);
    expect(peer.frames.at(-1)).toMatchObject({ type: "GOAWAY", code: 0 });
    expectAcceptable(peer.frames, go, lines, resets?.client);
  });
});

describe("heartbeat, as Go's muxado did it", () => {
  const beats = (frames: readonly Frame[]): string => payloadOf(frames, 3);

  it("with Go's client: our server echoes what Go's echoed", async () => {
    for (const [, deliver] of deliveries) {
      const { lines, goodbye, go } = replayOf("heartbeat", "client");
      const peer = muxado("server", { typedStreams: true });
      await deliver(peer, lines);
      await peer.say(goodbye);
      await peer.end();
      expect(await peer.session.closed).toMatchObject({ code: 0, remote: true });
      expectMuxadoManners(peer.frames);
      expect(beats(peer.frames)).toBe(beats(go));
    }
  });

  it("with Go's server: our client, given the same random bytes, beats the same beats", async () => {
    const { lines, goodbye, go } = replayOf("heartbeat", "server");
    const drawn = go.filter((frame) => frame.type === "DATA" && frame.streamId === 3).slice(1);
    const random = (length: number): Uint8Array => {
      const next = drawn.shift();
      if (next?.type !== "DATA") throw new Error("no more heartbeats were recorded");
      expect(next.payload).toHaveLength(2 * length);
      return fromHex(next.payload);
    };
    // Go's client beat every 100 ms; ours asks after a third of the idle timeout.
    const peer = muxado("client", { typedStreams: true, random, keepAlive: { idleTimeoutMs: 300 } });
    let handed = 0;
    void peer.session.accept().then(
      () => handed++,
      () => undefined,
    );
    await peer.clock.advance(101);
    for (const line of lines) {
      if (line.type === "DATA" && line.streamId === 3) for (let i = 0; i < 3 && !beats(peer.frames).includes(line.payload); i++) await peer.clock.advance(101);
      await peer.say(line);
    }
    expect(peer.frames[0]).toEqual({ type: "DATA", streamId: 3, flags: SYN, payload: "ffffffff" });
    expect(beats(peer.frames)).toBe(beats(go));
    expect(peer.session.rttMs).toBeTypeOf("number");
    expect(handed, "the server's own heartbeat stream is no stream of the application's").toBe(0);
    const closed = peer.session.close();
    await peer.listen();
    await peer.say(goodbye);
    await peer.end();
    await closed;
    expect(await peer.session.closed).toMatchObject({ code: 0 });
    expectMuxadoManners(peer.frames);
  });

  it("the recorded bytes are hex of whole frames", () => {
    for (const { clientToServer, serverToClient } of recorded.values()) {
      for (const hex of [clientToServer, serverToClient]) expect(toHex(encode(decode(fromHex(hex), { wire: "muxado" }).frames).bytes)).toBe(hex);
    }
  });
});
