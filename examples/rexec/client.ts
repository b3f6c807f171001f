// Runs a command on another machine, as if it ran here: its input and output, and its exit status.
//   client.ts --dial tls://localhost:7000 --cert client.pem --key client-key.pem --ca ca.pem /bin/sh -c "exit 4"
//   REXEC_SECRET=… client.ts --join tcp4://elsewhere:7000 --service rexec cat
import { Channels } from "@astranet/channel";
import { dial } from "./dial.ts";
import { readOptions } from "./options.ts";
import { remoteCommand } from "./remote-command.ts";
import type { Request } from "./request.ts";

/** As ssh has it: not the command's status, but that something else went wrong. */
const FAILED = 255;

async function main(): Promise<number> {
  const { options, rest } = readOptions(process.argv.slice(2));
  const [command, ...args] = rest;
  if (command === undefined) throw new Error("which command?");
  const channels = new Channels(await dial(options), { role: "client" });
  try {
    return (await remoteCommand(channels.open<Request>(), command, args, process)).status;
  } catch (error) {
    throw new Error(`the server is gone: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main().then(
  // Whatever waits for a terminal's next line would keep the process.
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`rexec: ${reasonOf(error)}\n`, () => process.exit(FAILED));
  },
);
