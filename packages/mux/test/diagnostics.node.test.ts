import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { muxado, type Session, type Stream } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import { SessionPair } from "./support/session-pair.ts";

const names = ["astranet:session:open", "astranet:session:close", "astranet:stream:open", "astranet:stream:close"];

describe("the diagnostics channels", () => {
  it("tell of sessions and streams, each message one object", async () => {
    const heard: [name: string, message: Record<string, unknown>][] = [];
    const hear = (message: unknown, name: string | symbol): void => {
      heard.push([String(name), message as Record<string, unknown>]);
    };
    for (const name of names) subscribe(name, hear);
    try {
      const pair = new SessionPair();
      const [local, remote] = await pair.stream();
      expect(heard).toEqual([
        ["astranet:session:open", { session: pair.client }],
        ["astranet:session:open", { session: pair.server }],
        ["astranet:stream:open", { session: pair.client, stream: local, remote: false }],
        ["astranet:stream:open", { session: pair.server, stream: remote, remote: true }],
      ]);
      heard.length = 0;
      void local.end();
      void remote.end();
      await pair.settle();
      void pair.client.close();
      await pair.settle();
      expect(heard.map(([name]) => name).sort()).toEqual(["astranet:session:close", "astranet:session:close", "astranet:stream:close", "astranet:stream:close"]);
      expect(heard.find(([name]) => name === "astranet:session:close")?.[1]).toMatchObject({ error: undefined });
    } finally {
      for (const name of names) unsubscribe(name, hear);
    }
  });
});

describe("the channels of streams", () => {
  /** What is heard of streams while `run` runs. */
  async function heardWhile(run: () => Promise<void>): Promise<[name: string, stream: Stream, session: Session][]> {
    const heard: [string, Stream, Session][] = [];
    const hear = (message: unknown, name: string | symbol): void => {
      const { stream, session } = message as { stream: Stream; session: Session };
      heard.push([String(name).slice("astranet:stream:".length), stream, session]);
    };
    for (const name of names.slice(2)) subscribe(name, hear);
    try {
      await run();
    } finally {
      for (const name of names.slice(2)) unsubscribe(name, hear);
    }
    return heard;
  }

  it("tell of the end of each stream whose beginning they told, also of one that never left", async () => {
    const pair = new SessionPair();
    const streams: Stream[] = [];
    const heard = await heardWhile(async () => {
      streams.push(pair.client.open());
      streams[0]?.reset();
      await pair.settle();
    });
    expect(heard).toEqual([["open", streams[0], pair.client], ["close", streams[0], pair.client]]);
  });

  it("tell of it once, where a sink that hears of the end ends the session", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    remote.attach({
      data: () => undefined,
      end: () => {
        pair.server.abort();
      },
      reset: () => undefined,
    });
    const heard = await heardWhile(async () => {
      void remote.end();
      await pair.settle();
      void local.end();
      await pair.settle();
    });
    expect(heard.filter(([, stream]) => stream === remote)).toEqual([["close", remote, pair.server]]);
  });

  it.each([undefined, muxado()])("show what becomes of a stream that nobody took when the session drains: ECONNREFUSED, or a reset on muxado's wire", async (wire) => {
    const pair = new SessionPair({ both: wire === undefined ? {} : { wire } });
    const heard = await heardWhile(async () => {
      pair.client.open();
      await pair.settle();
      pair.server.goAway();
      await pair.settle();
    });
    const refused = heard.find(([name, , session]) => name === "open" && session === pair.server)?.[1];
    await expect(refused?.closed).rejects.toMatchObject({ code: wire === undefined ? "ECONNREFUSED" : "ECONNRESET", message: expect.stringContaining("the session is draining") as string });
  });
});
