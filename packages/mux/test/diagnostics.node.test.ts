import { subscribe, unsubscribe } from "node:diagnostics_channel";
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
