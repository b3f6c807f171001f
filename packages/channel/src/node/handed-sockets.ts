import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { AstraError } from "@astranet/transport";

/** A process with an IPC channel: a child that was forked, or, in that child, `process`. */
export type IpcProcess = ChildProcess | NodeJS.Process;

const mark = "astranet:socket";

/**
 * Hands a socket itself to a child process (over its IPC channel), or to the parent: the one thing that Node offers in place of a file descriptor in a message. No byte passes through this process any more.
 * `about` is what IPC can carry. Resolves when it is on its way; rejects with EPIPE where there is no such channel, or the socket is over.
 */
export function handSocket(to: IpcProcess, socket: Socket, about?: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    if (to.send === undefined || !to.connected) {
      reject(new AstraError("EPIPE", "there is no IPC channel to that process"));
      return;
    }
    to.send({ [mark]: true, about }, socket, { keepOpen: false }, (error) => {
      if (error === null) resolve();
      else reject(new AstraError("EPIPE", `the socket could not be handed over: ${error.message}`, { cause: error }));
    });
  });
}

/** Calls `onsocket` with each socket that the other process hands to this one, and with what it said about it. Returns what ends that. */
export function handedSockets(from: IpcProcess, onsocket: (socket: Socket, about: unknown) => void): () => void {
  const onmessage = (message: unknown, handle: unknown): void => {
    if (handle instanceof Socket && typeof message === "object" && message !== null && mark in message) onsocket(handle, (message as { about?: unknown }).about);
  };
  from.on("message", onmessage);
  return () => {
    from.off("message", onmessage);
  };
}
