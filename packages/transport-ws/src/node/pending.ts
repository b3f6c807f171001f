import type { Socket } from "node:net";
import type { Timer } from "@astranet/transport";
import type { Settings } from "../settings.ts";

interface Waiting {
  readonly socket: Socket;
  readonly timer: Timer;
}

/**
 * The sockets that a server of ours accepted and that are no WebSockets yet. Each has the handshake's time, and there are never more than
 * `maxPendingHandshakes`: beyond it the oldest goes, because who is honest needs a few round trips and who only holds sockets has been there for longer.
 */
export class Pending {
  readonly #settings: Settings;
  /** By the peer's address and port and ours: a TLSSocket has the same as the socket underneath, and names it nowhere. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  add(socket: Socket): void {
    const { clock, handshakeTimeoutMs, maxPendingHandshakes } = this.#settings;
    if (this.#waiting.size >= maxPendingHandshakes) this.#waiting.values().next().value?.socket.destroy();
    const key = keyOf(socket);
    const timer = clock.setTimer(handshakeTimeoutMs, () => socket.destroy());
    this.#waiting.set(key, { socket, timer });
    socket.once("close", () => {
      if (this.#waiting.get(key)?.socket === socket) this.#drop(key);
    });
  }

  remove(socket: Socket): void {
    this.#drop(keyOf(socket));
  }

  destroyAll(): void {
    for (const { socket } of this.#waiting.values()) socket.destroy();
  }

  #drop(key: string): void {
    this.#waiting.get(key)?.timer.cancel();
    this.#waiting.delete(key);
  }
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${String(remoteAddress)} ${String(remotePort)} ${String(localAddress)}`;
}
