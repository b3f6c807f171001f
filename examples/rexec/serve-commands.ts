import type { Channels, Receiver } from "@astranet/channel";
import type { Request } from "./request.ts";
import { runCommand } from "./run-command.ts";

/** Runs what one client asks for, in as many channels as it opens, until it goes. */
export async function serveCommands(channels: Channels): Promise<void> {
  try {
    for await (const requests of channels) void runAll(requests as Receiver<Request>);
  } catch {
    // The client is gone, and each of its commands has heard of it.
  }
}

async function runAll(requests: Receiver<Request>): Promise<void> {
  try {
    // Several may run at once.
    for await (const request of requests) void runCommand(request).catch(() => undefined);
  } catch {
    // As above.
  }
}
