import { AstraError } from "@astranet/transport";
import { BytePair } from "../message/byte-pair.ts";
import type { End, EndKind } from "../message/kinds.ts";
import { pack } from "../message/pack.ts";
import { MessageQueue } from "../queue/message-queue.ts";
import { Receiver } from "../receiver.ts";
import { Sender } from "../sender.ts";
import { receiveInto, sendFrom } from "./bind.ts";
import { brokenReadable, brokenWritable, readableOf, writableOf } from "./byte-pumps.ts";
import { encodeForLater } from "./encoded-message.ts";
import type { ChannelHost } from "./host.ts";
import type { Port } from "./port.ts";
import type { Claim } from "./references.ts";
import { resetCodes } from "./reset-codes.ts";

/** The end that a message brought. Without a stream it is broken from the beginning. */
export function endFor(host: ChannelHost, kind: EndKind, { port, error }: Claim): End {
  if (port === undefined) return brokenEnd(kind, error ?? new AstraError("ETIMEDOUT", `the stream that belongs to a ${kind} in a message did not come within ${host.limits.claimTimeoutMs} ms`));
  switch (kind) {
    case "sender":
      return senderOf(host, port);
    case "receiver":
      return receiverOf(host, port);
    case "readable":
      port.endWriting();
      return readableOf(port);
    case "writable":
      port.ignore();
      return writableOf(port.stream);
    case "duplex":
      return new BytePair(readableOf(port), port.stream.writable);
  }
}

/** A channel whose messages go over a stream. */
export function senderOf<T>(host: ChannelHost, port: Port): Sender<T> {
  const queue = new MessageQueue(0, (message) => encodeForLater(host, message));
  sendFrom(host, queue, port);
  return new Sender<T>(queue);
}

/** A channel whose messages come over a stream. */
export function receiverOf(host: ChannelHost, port: Port): Receiver {
  const queue = new MessageQueue(0, pack);
  receiveInto(host, queue, port);
  return new Receiver(queue);
}

/** Nobody will have what the message brought. */
export function discardClaim(claim: Claim): void {
  const drop = (): void => claim.port?.stream.reset(resetCodes.abandoned, "the message that it travelled in was dropped");
  if (claim.settled) drop();
  else claim.onsettled(drop);
}

function brokenEnd(kind: EndKind, error: unknown): End {
  switch (kind) {
    case "sender": {
      const queue = new MessageQueue(0, pack);
      queue.lose(error);
      return new Sender(queue);
    }
    case "receiver": {
      const queue = new MessageQueue(0, pack);
      queue.fail(error);
      return new Receiver(queue);
    }
    case "readable":
      return brokenReadable(error);
    case "writable":
      return brokenWritable(error);
    case "duplex":
      return new BytePair(brokenReadable(error), brokenWritable(error));
  }
}
