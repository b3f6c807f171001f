// Runs commands for whoever may reach it:
//   server.ts --listen tls://localhost:7000 --cert server.pem --key server-key.pem --ca ca.pem
//   REXEC_SECRET=… server.ts --listen tcp4://:7000 --service rexec      (or --join tcp4://elsewhere:7000)
import { Channels } from "@astranet/channel";
import { listen } from "./listen.ts";
import { readOptions } from "./options.ts";
import { killAll } from "./run-command.ts";
import { serveCommands } from "./serve-commands.ts";

process.once("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit());

const { options } = readOptions(process.argv.slice(2));
const how = await listen(options, (pipe) => void serveCommands(new Channels(pipe, { role: "server" })));
console.log(`reached by ${how}`);
