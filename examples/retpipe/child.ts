// Answers requests that come over its standard input, and writes nothing else to its standard output.
import { Channels } from "@astranet/channel";
import { toConnection } from "@astranet/transport/node";
import { answer } from "./answer.ts";
import type { Request } from "./request.ts";

const channels = new Channels(toConnection({ readable: process.stdin, writable: process.stdout }), { role: "server" });
await answer(await channels.accept<Request>(), "the child process");
await channels.close();
