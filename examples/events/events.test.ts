import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Channels } from "@astranet/channel";
import { WsTransport } from "@astranet/transport-ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runExample } from "../run-example.ts";
import { join } from "./join.ts";
import type { RoomEvent } from "./messages.ts";

const children: ChildProcessWithoutNullStreams[] = [];

function start(program: string, ...args: string[]): ChildProcessWithoutNullStreams {
  const flags = ["--conditions=@astranet/source", "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, fileURLToPath(new URL(program, import.meta.url)), ...args]);
  children.push(child);
  return child;
}

describe("a room", () => {
  let address: string;

  beforeAll(async () => {
    const server = start("server.ts");
    address = String((await once(server.stdout, "data"))[0]).trim();
  });

  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  const connect = async (): Promise<Channels> => new Channels(await new WsTransport().dial("ws", address), { role: "client" });

  it("tells each of several processes what the others say, in one order", async () => {
    const [anna, ben] = [start("client.ts", address, "Anna"), start("client.ts", address, "Ben")];
    const ended = Promise.all([anna, ben].map((client) => once(client, "exit")));
    const lines = [anna, ben].map((client) => createInterface({ input: client.stdout })[Symbol.asyncIterator]());
    const hear = async (who: 0 | 1, last: RegExp): Promise<string[]> => {
      const heard: string[] = [];
      while (!last.test(heard.at(-1) ?? "")) heard.push((await lines[who]!.next()).value as string);
      return heard;
    };
    // Who came last has heard of nobody before it.
    await Promise.all([hear(0, /^Anna has joined/), hear(1, /^Ben has joined/)]);
    const isSaid = (line: string): boolean => line.includes(": ");
    anna.stdin.write("hello\n");
    ben.stdin.write("hello, too\n");
    ben.stdin.end("goodbye\n");
    const [byAnna, byBen] = await Promise.all([hear(0, /^Ben has left$/), hear(1, /^Ben: goodbye$/)]);
    expect(byAnna.filter((line) => isSaid(line) && line.startsWith("Ben"))).toEqual(["Ben: hello, too", "Ben: goodbye"]);
    const until = byAnna.indexOf("Ben: goodbye") + 1;
    expect(byAnna.slice(0, until).filter(isSaid)).toEqual(byBen.filter(isSaid));
    anna.stdin.end();
    expect(await ended).toEqual([
      [0, null],
      [0, null],
    ]);
  });

  it("drops who does not read, says why to it and to everybody, and holds up nobody", async () => {
    const slow = start("client.ts", address, "Slow");
    await once(slow.stdout, "data");
    const [output, complaint, closed] = [text(slow.stdout), text(slow.stderr), once(slow, "close")];
    slow.kill("SIGSTOP");

    const channels = await connect();
    const { say, events } = await join(channels, "Loud");
    expect(await events.receive()).toEqual({ kind: "joined", name: "Loud" });
    const line = "all day long ".repeat(1000);
    let lines = 0;
    let left: RoomEvent | undefined;
    for (; left === undefined; lines += 1) {
      await say.send(line);
      for (let event = await events.receive(); event.kind !== "said"; event = await events.receive()) left = event;
    }
    expect(left).toEqual({ kind: "left", name: "Slow", why: "dropped: 100 events wait, and none is read" });
    expect(lines).toBeGreaterThan(100);
    expect(lines).toBeLessThan(1000);

    slow.kill("SIGCONT");
    expect(await complaint).toMatch(/^ECONNRESET: .*dropped: 100 events wait, and none is read\n$/);
    expect(await closed).toEqual([1, null]);
    expect((await output).split("\n").length).toBeLessThan(lines);
    channels.abort();
  });

  it("hears that a member's process was killed", async () => {
    const channels = await connect();
    const { events } = await join(channels, "Anna");
    const killed = start("client.ts", address, "Ben");
    expect([await events.receive(), await events.receive()]).toEqual([
      { kind: "joined", name: "Anna" },
      { kind: "joined", name: "Ben" },
    ]);
    killed.kill("SIGKILL");
    expect(await events.receive()).toEqual({ kind: "left", name: "Ben" });
    channels.abort();
  });
});

it("the events example hears who comes, who says what, and who leaves", async () => {
  const lines = ["Anna has joined", "Ben has joined", "Clara has joined", "Ben: hello, everybody", "Anna: hello, Ben", "Ben has left", "Clara has left"];
  expect(await runExample("events")).toBe(`${lines.join("\n")}\n`);
});
