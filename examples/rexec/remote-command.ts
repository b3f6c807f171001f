import { Readable, type Writable } from "node:stream";
import { pipe, type Sender } from "@astranet/channel";
import type { Exit, Request } from "./request.ts";

/** What the command is to read and write, here. */
export interface Stdio {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Runs a command at the other end. Resolves with how it ended, when all of its output was written; rejects where the other end goes first. */
export async function remoteCommand(requests: Sender<Request>, command: string, args: readonly string[], stdio: Stdio): Promise<Exit> {
  const [stdout, stderr] = [output(stdio.stdout), output(stdio.stderr)];
  const { sender: exit, receiver } = pipe<Exit>({ capacity: 1 });
  const stdin = Readable.toWeb(stdio.stdin) as ReadableStream<Uint8Array>;
  await requests.send({ command, args, stdin, stdout: stdout.stream, stderr: stderr.stream, exit });
  const [how] = await Promise.all([receiver.receive(), stdout.written, stderr.written]);
  return how;
}

/** Writes to a stream of Node's and leaves it open. `written`: up to its end, or as far as somebody reads it. */
function output(target: Writable): { readonly stream: WritableStream<Uint8Array>; readonly written: Promise<void> } {
  let resolve!: () => void;
  let reject!: (reason: unknown) => void;
  const written = new Promise<void>((...both) => ([resolve, reject] = both));
  target.on("error", resolve);
  const write = (chunk: Uint8Array): Promise<void> =>
    new Promise((taken, failed) => {
      target.write(chunk, (error) => (error ? failed(error) : taken()));
    });
  return { stream: new WritableStream({ write, close: resolve, abort: reject }), written };
}
