// A request with a channel for its reply: in one process, and then the same functions between two.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Channels, pipe } from "@astranet/channel";
import { toConnection } from "@astranet/transport/node";
import { answer } from "./answer.ts";
import { ask } from "./ask.ts";
import type { Request } from "./request.ts";

const { sender, receiver } = pipe<Request>();
void answer(receiver, "this process");
console.log(await ask(sender, "hello"));
await sender.close();

const path = fileURLToPath(new URL("child.ts", import.meta.url));
const child = spawn(process.execPath, [...process.execArgv, path], { stdio: ["pipe", "pipe", "inherit"] });
const channels = new Channels(toConnection({ readable: child.stdout, writable: child.stdin }), { role: "client" });
const requests = channels.open<Request>();
console.log(await ask(requests, "hello"));
await requests.close();
await channels.close();
