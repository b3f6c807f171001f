import { MessageChannel } from "node:worker_threads";
import { localPeer, type LocalMessage, type LocalPeer } from "./local-peer.ts";
import { Window } from "./window.ts";

/** Messages on their way at once: a port itself holds nobody back. */
const WINDOW = 64;

/** Two ports in one process: each message is cloned, serialised into memory and back. */
export const peer: LocalPeer = localPeer(async (count, make, take) => {
  const { port1, port2 } = new MessageChannel();
  const window = new Window(WINDOW);
  port1.on("message", () => {
    window.acknowledge();
  });
  const allTaken = new Promise<void>((resolve) => {
    let taken = 0;
    port2.on("message", (message: LocalMessage) => {
      take(message);
      taken++;
      if (taken % window.step === 0) port2.postMessage(0);
      if (taken === count) resolve();
    });
  });
  for (let i = 0; i < count; i++) {
    const wait = window.next();
    if (wait !== undefined) await wait;
    port1.postMessage(make(i));
  }
  await allTaken;
  port1.close();
});
