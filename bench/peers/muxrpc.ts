import type { Socket } from "node:net";
import createMuxrpc, { type Duplex, type Manifest, type Muxrpc } from "muxrpc";
import pull from "pull-stream";
import toPull from "stream-to-pull-stream";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { FlowSink, MessagePeer, MessageServer } from "./message-peer.ts";
import { PullQueue } from "./pull-queue.ts";
import { Window } from "./window.ts";

const manifest: Manifest = { flow: "duplex", finish: "async", call: "async" };

/** Something: an empty message is its word for the end of the connection. */
const acknowledgement = Buffer.of(1);

/** Acknowledges messages in steps. */
function flow(sink: FlowSink, messageBytes: number): Duplex {
  const { step } = Window.ofBytes(messageBytes);
  const answers = new PullQueue();
  return {
    source: answers.source,
    sink: pull.drain(
      (message) => {
        sink.add(message);
        if (sink.count % step === 0) answers.push(acknowledgement);
      },
      () => {
        answers.end();
      },
    ),
  };
}

function connect(socket: Socket, handler: MessageServer | undefined): Muxrpc {
  let sink: FlowSink | undefined;
  const rpc =
    handler === undefined
      ? createMuxrpc(manifest, null)
      : createMuxrpc(null, manifest, {
          flow: (messageBytes: number) => flow((sink = handler.sink()), messageBytes),
          finish: (done: (error: null, count: number) => void) => {
            done(null, sink?.count ?? 0);
          },
          call: (request: string, done: (error: null, answer: Buffer) => void) => {
            done(null, bufferOf(handler.answer(Buffer.from(request, "base64"))));
          },
        });
  pull(rpc.stream, toPull.duplex(socket), rpc.stream);
  return rpc;
}

/** Its streams hold nobody back, so messages are acknowledged in steps, as with socket.io. Only Buffers travel as bytes, and a duplex that one side has ended is over for both, so a call asks for the count. */
export const peer: MessagePeer = {
  listen: (handler) =>
    listenLoopback((socket) => {
      connect(socket, handler);
    }),
  async dial(port) {
    const rpc = connect(await dialLoopback(port), undefined);
    return {
      open(messageBytes) {
        const window = Window.ofBytes(messageBytes);
        const messages = new PullQueue();
        const duplex = rpc.flow(messageBytes);
        const acknowledged = pull.drain(() => {
          window.acknowledge();
        });
        pull(messages.source, duplex.sink);
        pull(duplex.source, acknowledged);
        return {
          send(message) {
            const wait = window.next();
            if (wait !== undefined) return wait.then(() => { messages.push(bufferOf(message)); });
            messages.push(bufferOf(message));
            return undefined;
          },
          async finish() {
            const count = await rpc.finish();
            messages.end();
            return count;
          },
        };
      },
      // Arguments are JSON, a result may be a Buffer.
      call: (request) => rpc.call(bufferOf(request).toString("base64")),
    };
  },
};

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
