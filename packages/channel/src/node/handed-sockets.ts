import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { AstraError } from "@astranet/transport";

/** A process with an IPC channel: a child that was forked, or, in that child, `process`. */
export type IpcProcess = ChildProcess | NodeJS.Process;

const mark = "astranet:socket";

/**
 * Hands a socket itself to a child process (over its IPC channel), or to the parent: the one thing that Node offers in place of a file descriptor in a message. No byte passes through this process any more.
 * `about` is what IPC can carry. Resolves when it is on its way; rejects with EPIPE where there is no such channel, or the socket is over, and with EINVAL for what is no process, no `net.Socket`, or nothing
 * that IPC can carry.
 */
export function handSocket(to: IpcProcess, socket: Socket, about?: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    checkProcess("handSocket", to);
    if (!((socket as unknown) instanceof Socket)) throw new AstraError("EINVAL", "handSocket takes a Socket of node:net");
    if (to.send === undefined || !to.connected) throw new AstraError("EPIPE", "there is no IPC channel to that process");
    const failed = (code: "EPIPE" | "EINVAL", cause: Error): void => reject(new AstraError(code, `the socket could not be handed over: ${cause.message}`, { cause }));
    try {
      to.send({ [mark]: true, about }, socket, { keepOpen: false }, (error) => {
        if (error === null) resolve();
        else failed("EPIPE", error);
      });
    } catch (error) {
      failed("EINVAL", error as Error);
    }
  });
}

/** Calls `onsocket` with each socket that the other process hands to this one, and with what it said about it. Returns what ends that. Throws EINVAL for what is no process or no function. */
export function handedSockets(from: IpcProcess, onsocket: (socket: Socket, about: unknown) => void): () => void {
  checkProcess("handedSockets", from);
  if (typeof (onsocket as unknown) !== "function") throw new AstraError("EINVAL", "handedSockets takes a function for the sockets");
  const onmessage = (message: unknown, handle: unknown): void => {
    if (handle instanceof Socket && typeof message === "object" && message !== null && mark in message) {
      // Not within the event: whoever disconnects there makes Node fail (it uses the channel once more after it).
      queueMicrotask(() => onsocket(handle, (message as { about?: unknown }).about));
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
