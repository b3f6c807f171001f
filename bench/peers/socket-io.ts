import { createServer } from "node:http";
import { once } from "node:events";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { listening } from "./loopback.ts";
import type { FlowSink, MessagePeer, MessageServer } from "./message-peer.ts";
import { Window } from "./window.ts";

async function listen(handler: MessageServer): Promise<number> {
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"] });
  server.on("connection", (socket) => {
    let sink: FlowSink | undefined;
    socket.on("message", (data: Uint8Array, acknowledge?: () => void) => {
      sink ??= handler.sink();
      sink.add(data);
      acknowledge?.();
    });
    socket.on("finish", (done: (count: number) => void) => {
      done(sink?.count ?? 0);
      sink = undefined;
    });
    socket.on("call", (request: Uint8Array, done: (answer: Uint8Array) => void) => {
      done(handler.answer(request));
    });
  });
  return listening(http);
}

/** Over its WebSocket alone, without the usual beginning over long polling. It holds nobody back, so messages ask for an acknowledgement every now and then. */
export const peer: MessagePeer = {
  listen,
  async dial(port) {
    const socket = io(`http://127.0.0.1:${String(port)}`, { transports: ["websocket"] });
    await once(socket as unknown as NodeJS.EventEmitter, "connect");
    return {
      open(messageBytes) {
        const window = Window.ofBytes(messageBytes);
        const emit = (message: Uint8Array): void => {
          if (window.atStep) {
            socket.emit("message", message, () => {
              window.acknowledge();
            });
          } else socket.emit("message", message);
        };
        return {
          send(message) {
            const wait = window.next();
            if (wait !== undefined) return wait.then(() => { emit(message); });
            emit(message);
            return undefined;
          },
          finish: () => socket.emitWithAck("finish") as Promise<number>,
        };
      },
      call: (request) => socket.emitWithAck("call", request) as Promise<Uint8Array>,
    };
  },
};
