import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { Readable, Writable } from "node:stream";
import type { Exit, Request } from "./request.ts";

const running = new Set<ChildProcessWithoutNullStreams>();

/** Runs what a client asks for, and kills it when the client goes. Resolves when the client has been told how it ended. */
export async function runCommand(request: Request): Promise<void> {
  const { command, args, stdin, stdout, stderr, exit } = request;
  let child: ChildProcessWithoutNullStreams;
  try {
    child = await start(command, args);
  } catch (error) {
    await refuse(request, error as NodeJS.ErrnoException);
    return;
  }
  running.add(child);
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const gone = (): void => kill(child);
  exit.closed.then(gone, gone);

  // A command that reads no more closes its stdin, which cancels the client's.
  stdin.pipeTo(Writable.toWeb(child.stdin)).catch(() => undefined);
  // Where the client reads no more the command's next write fails, and its status is sent all the same.
  const written = Promise.allSettled([bytesOf(child.stdout).pipeTo(stdout), bytesOf(child.stderr).pipeTo(stderr)]);
  const [code, signal] = await ended;
  // Processes that the command has left behind may still write.
  await written;
  running.delete(child);
  await tell(request, signal === null ? { status: code! } : { status: 128 + constants.signals[signal], signal });
}

/** For a server that ends: nobody could hear of the commands any more. */
export function killAll(): void {
  for (const child of running) kill(child);
}

/** Without a shell: the arguments arrive as they were given. */
async function start(command: string, args: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  // In a process group of its own, which can be killed with all that the command starts.
  const child = spawn(command, args, { detached: true });
  await once(child, "spawn");
  return child;
}

function kill(child: ChildProcessWithoutNullStreams): void {
  if (!running.delete(child)) return;
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // The last of the group has ended by itself.
  }
}

async function refuse(request: Request, { code, message }: NodeJS.ErrnoException): Promise<void> {
  const { command, stdin, stdout, stderr } = request;
  const isMissing = code === "ENOENT";
  const writer = stderr.getWriter();
  await writer.write(new TextEncoder().encode(`rexec: ${command}: ${isMissing ? "command not found" : message}\n`));
  await Promise.all([writer.close(), stdout.close(), stdin.cancel()]);
  await tell(request, { status: isMissing ? 127 : 126 });
}

async function tell({ exit }: Request, how: Exit): Promise<void> {
  await exit.send(how);
  await exit.close();
}

function bytesOf(readable: Readable): ReadableStream<Uint8Array> {
  return Readable.toWeb(readable) as ReadableStream<Uint8Array>;
}
