import { pipe } from "@astranet/channel";
import { dialChannels, listenChannels, openFor, type Question } from "./channels-link.ts";
import type { MessagePeer } from "./message-peer.ts";

/** Every `send` is awaited, and everything received by `for await`. A call is a message with a channel for its answer. */
export const peer: MessagePeer = {
  listen: listenChannels,
  async dial(port) {
    const channels = await dialChannels(port);
    const questions = await openFor<Question>(channels, { is: "questions" });
    return {
      async open() {
        const { sender: count, receiver: counted } = pipe<number>();
        const sender = await openFor<Uint8Array>(channels, { is: "flow", count });
        return {
          send: (message) => sender.send(message),
          async finish() {
            await sender.close();
            return counted.receive();
          },
        };
      },
      async call(request) {
        const { sender: answer, receiver } = pipe<Uint8Array>();
        await questions.send({ request, answer });
        return receiver.receive();
      },
    };
  },
};
