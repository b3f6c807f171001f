import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Connection } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";
import { conformance } from "@astranet/transport/testing";
import { describe, expect, it } from "vitest";
import { StdioTransport } from "./stdio-transport.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const flags = ["--conditions=@astranet/source", "--import", "tsx"];

async function pair(): Promise<[Connection, Connection]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const words = [process.execPath, ...flags, here("relay.ts"), String((server.address() as AddressInfo).port)];
  const dialled = await new StdioTransport().dial("stdio", words.map(encodeURIComponent).join(" "));
  const [accepted] = (await once(server, "connection")) as [Socket];
  server.close();
  return [dialled, toConnection(accepted)];
}

describe("a connection over a child's stdio", () => {
  conformance({ test: it, pair });
});

describe("StdioTransport", () => {
  it("answers ECONNREFUSED where the program does not start", async () => {
    await expect(new StdioTransport().dial("stdio", here("no-such-program"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it.each([
    ["tcp", "x"],
    ["stdio", ""],
    ["stdio", " x"],
  ])("answers EINVAL to network '%s' and address '%s'", async (network, address) => {
    await expect(new StdioTransport().dial(network, address)).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("rejects with the reason of its signal", async () => {
    const reason = new Error("enough");
    const words = [process.execPath, "-e", "setInterval(() => {}, 1000)"].map(encodeURIComponent).join(" ");
    await expect(new StdioTransport().dial("stdio", words, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const dial = new StdioTransport().dial("stdio", words, { signal: controller.signal });
    controller.abort(reason);
    await expect(dial).rejects.toBe(reason);
  });
});

it("the example runs", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, here("main.ts")]);
  expect(stdout).toBe("sent hello from the other end of a pipe\ngot  HELLO FROM THE OTHER END OF A PIPE\n");
});

it("docs/writing-a-transport.md shows this very code", () => {
  const page = readFileSync(here("../../docs/writing-a-transport.md"), "utf8");
  const code = readFileSync(here("stdio-transport.ts"), "utf8");
  expect(page).toContain("```ts\n" + code + "```\n");
});
