import type { Stream } from "@astranet/mux";
import type { DuplexBytes, End, EndKind } from "../message/kinds.ts";
import type { MessageQueue } from "../queue/message-queue.ts";
import type { Receiver } from "../receiver.ts";
import type { Sender } from "../sender.ts";
import { pumpIn, pumpOut } from "./byte-pumps.ts";
import type { ChannelHost } from "./host.ts";
import { MessageReader } from "./message-reader.ts";
import { MessageWriter } from "./message-writer.ts";
import { Port } from "./port.ts";

/** Joins an end that was sent with the stream by which the peer will have it. It is not its owner's any more. */
export function bind(host: ChannelHost, end: End, kind: EndKind, stream: Stream): void {
  const port = new Port(stream);
  switch (kind) {
    case "receiver":
      sendFrom(host, moved(end as Receiver), port);
      break;
    case "sender":
      receiveInto(host, moved(end as Sender), port);
      break;
    case "readable":
      port.ignore();
      void pumpOut(end as ReadableStream<Uint8Array>, stream);
      break;
    case "writable":
      port.endWriting();
      pumpIn(port, end as WritableStream<Uint8Array>);
      break;
    case "duplex":
      void pumpOut((end as DuplexBytes).readable, stream, true);
      pumpIn(port, (end as DuplexBytes).writable);
      break;
  }
}

/** Everything in the queue goes out over the port. */
export function sendFrom(host: ChannelHost, queue: MessageQueue, port: Port): void {
  const { stream } = port;
  port.ignore();
  const writer = new MessageWriter(host, stream);
  queue.attach(writer);
  // Over while the queue is not: the peer reads no more.
  stream.closed.then(
    () => {
      writer.stopped();
      queue.cancel();
    },
    (error: unknown) => {
      writer.broke(error);
      queue.lose(error);
    },
  );
}

/** Everything that comes over the port goes into the queue. */
export function receiveInto(host: ChannelHost, queue: MessageQueue, port: Port): void {
  port.read(new MessageReader(host, port, queue));
}

function moved(end: { _queue: MessageQueue | undefined }): MessageQueue {
  const queue = end._queue!;
  end._queue = undefined;
  return queue;
}
