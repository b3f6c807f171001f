// A server, and clients that run commands on it: over the mesh, as that needs no certificates.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const env = { ...process.env, REXEC_SECRET: randomBytes(24).toString("base64") };

function start(program: string, args: readonly string[], stdio: ("pipe" | "inherit")[]): ChildProcess {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawn(process.execPath, [...process.execArgv, path, ...args], { env, stdio });
}

const server = start("server.ts", ["--listen", "tcp4://127.0.0.1:0", "--service", "rexec"], ["pipe", "pipe", "inherit"]);
const [line] = (await once(server.stdout!, "data")) as [Buffer];
const how = line.toString().trim().replace("reached by ", "").split(" ");

async function rexec(input: string, ...command: string[]): Promise<void> {
  const client = start("client.ts", [...how, ...command], ["pipe", "pipe", "inherit"]);
  client.stdin!.end(input);
  const [output, [status]] = await Promise.all([text(client.stdout!), once(client, "exit") as Promise<[number]>]);
  console.log(`${command.join(" ")}: ${JSON.stringify(output)}, status ${status}`);
}

await rexec("", "/bin/sh", "-c", "exit 4");
await rexec("to the other machine, and back", "cat");
await rexec("", "/bin/sh", "-c", "kill -TERM $$");

server.kill();
await once(server, "exit");
