import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Channels } from "@astranet/channel";
import { toConnection } from "@astranet/transport/node";
import { expect, it } from "vitest";
import { runExample } from "../run-example.ts";
import { ask } from "./ask.ts";
import type { Request } from "./request.ts";

it("the retpipe example is answered by both processes", async () => {
  expect(await runExample("retpipe")).toBe("HELLO, says this process\nHELLO, says the child process\n");
});

it("whoever waits for a reply hears it when the process that has the request is killed", async () => {
  const path = fileURLToPath(new URL("child.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@astranet/source", "--import", "tsx", path], { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const channels = new Channels(toConnection({ readable: child.stdout, writable: child.stdin }), { role: "client" });
  const requests = channels.open<Request>();
  expect(await ask(requests, "hello")).toBe("HELLO, says the child process");
  child.kill("SIGSTOP");
  const asked = ask(requests, "are you there?");
  child.kill("SIGKILL");
  await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/^E/) as string });
  await exit;
});
