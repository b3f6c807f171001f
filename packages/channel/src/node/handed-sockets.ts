import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { deserialize, serialize } from "node:v8";
import { AstraError } from "@astranet/transport";
import { shared } from "../promises.ts";

/** A process with an IPC channel: a child that was forked, or, in that child, `process`. */
export type IpcProcess = ChildProcess | NodeJS.Process;

const mark = "astranet:socket";
const noChannel = "there is no IPC channel to that process";

/**
 * Hands a socket itself to a child process (over its IPC channel), or to the parent: the one thing that Node offers in place of a file descriptor in a message. No byte passes through this process any more.
 * `about` is what a structured clone holds, whichever serialization the IPC channel has. Resolves when it is on its way; rejects with EPIPE where there is no such channel, or it is gone before the socket has left, or the
 * socket is over or was handed on, and with EINVAL for what is no process, no `net.Socket`, or nothing that a clone holds. Where it rejects the socket is the caller's as before; one that broke on its way is destroyed.
 * (Where the process dies after that, before it has taken the socket, Node tells nobody, and the connection stays open as long as this process.)
 */
export async function handSocket(to: IpcProcess, socket: Socket, about?: unknown): Promise<void> {
  checkProcess("handSocket", to);
  if (!((socket as unknown) instanceof Socket)) throw new AstraError("EINVAL", "handSocket takes a Socket of node:net");
  if (to.send === undefined || !to.connected) throw new AstraError("EPIPE", noChannel);
  if (isEmpty(socket)) throw new AstraError("EPIPE", "the socket is over, or somebody else's");
  // Whatever Node cannot serialize it finds out when it has taken the socket apart, or, where another one is on its way, later and in nobody's call.
  const message = { [mark]: packed(about) };
  await new Promise<void>((resolve, reject) => {
    const settle = (error: AstraError | undefined): void => {
      stopListening();
      if (error === undefined) {
        resolve();
        return;
      }
      if (isEmpty(socket)) socket.destroy();
      reject(error);
    };
    // Node says nothing then of what waits for its turn.
    const stopListening = onGone(to, () => settle(new AstraError("EPIPE", noChannel)));
    to.send!(message, socket, { keepOpen: false }, (error) => settle(error === null ? undefined : notHanded("EPIPE", error)));
  });
}

/** Whether there is nothing to hand over in it. */
function isEmpty(socket: Socket): boolean {
  return socket.pending && !socket.connecting;
}

function packed(about: unknown): string {
  try {
    return serialize(about).toString("base64");
  } catch (error) {
    throw notHanded("EINVAL", error as Error);
  }
}

function notHanded(code: "EPIPE" | "EINVAL", cause: Error): AstraError {
  return new AstraError(code, `the socket could not be handed over: ${cause.message}`, { cause });
}

/** Node does not tell of a disconnect while a socket waits for its turn. */
const ends = ["disconnect", "exit"] as const;

/** None of the listeners stays: it would keep a child alive. */
const onGone = shared((from: IpcProcess, tell) => {
  for (const end of ends) from.on(end, tell);
  return () => {
    for (const end of ends) from.off(end, tell);
  };
});

/** Calls `onsocket` with each socket that the other process hands to this one, and with what it said about it. Returns what ends that. Throws EINVAL for what is no process or no function. */
export function handedSockets(from: IpcProcess, onsocket: (socket: Socket, about: unknown) => void): () => void {
  checkProcess("handedSockets", from);
  if (typeof (onsocket as unknown) !== "function") throw new AstraError("EINVAL", "handedSockets takes a function for the sockets");
  const onmessage = (message: unknown, handle: unknown): void => {
    if (handle instanceof Socket && typeof message === "object" && message !== null && mark in message) {
      // Not within the event: whoever disconnects there makes Node fail (it uses the channel once more after it).
      queueMicrotask(() => onsocket(handle, deserialize(Buffer.from(message[mark] as string, "base64"))));
    }
  };
  from.on("message", onmessage);
  return () => {
    from.off("message", onmessage);
  };
}

function checkProcess(name: string, value: unknown): void {
  if (typeof (value as { on?: unknown } | null | undefined)?.on !== "function") throw new AstraError("EINVAL", `${name} takes a ChildProcess, or process`);
}
