import type { Socket } from "node:net";

/** A dead address holds the next one up no longer than this (RFC 8305 recommends it). */
const STAGGER_MS = 250;

/**
 * The first socket to emit `event`, of several that are tried: each is begun when the one before failed, or 250 ms after it.
 * The others are destroyed, as all are after an abort. Rejects with the error of the first (the resolver's favourite) when all have failed, or with `signal.reason`.
 */
export function firstSocket(attempts: readonly (() => Socket)[], event: "connect" | "secureConnect", signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const running = new Set<Socket>();
    let begun = 0;
    let failure: Error | undefined;
    let timer: NodeJS.Timeout | undefined;

    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onabort);
      for (const socket of running) socket.destroy();
      running.clear();
    };
    const onabort = (): void => {
      begun = attempts.length;
      settle();
      reject(signal?.reason as Error);
    };
    const fail = (error: Error): void => {
      failure ??= error;
      if (begun < attempts.length) beginNext();
      else if (running.size === 0) {
        settle();
        reject(failure);
      }
    };
    const beginNext = (): void => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined) return;
      begun += 1;
      let socket: Socket;
      try {
        socket = attempt();
      } catch (error) {
        fail(error as Error);
        return;
      }
      running.add(socket);
      const onready = (): void => {
        running.delete(socket);
        settle();
        resolve(socket);
      };
      // Stays on: it swallows what a destroyed attempt still emits, and errors of the winner before its connection is made.
      const onerror = (error: Error): void => {
        socket.off(event, onready);
        if (running.delete(socket)) fail(error);
      };
      socket.once(event, onready);
      socket.on("error", onerror);
      if (begun < attempts.length) timer = setTimeout(beginNext, STAGGER_MS);
    };

    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    signal?.addEventListener("abort", onabort);
    beginNext();
  });
}
