import FramedStream from "framed-stream";
import Protomux, { type Channel } from "protomux";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { BenchStream, Peer } from "./peer.ts";

const PROTOCOL = "bench";
const nothing = (): void => undefined;

/** A channel with one kind of message: its bytes. Channels have no half-close: `end` closes both ways. */
class ChannelStream implements BenchStream {
  readonly #mux: Protomux;
  readonly #channel: Channel;
  #data: (chunk: Uint8Array) => void = nothing;
  #end = nothing;

  constructor(mux: Protomux) {
    this.#mux = mux;
    const channel = mux.createChannel({
      protocol: PROTOCOL,
      unique: false,
      messages: [
        {
          onmessage: (chunk) => {
            this.#data(chunk);
          },
        },
      ],
      // Called before the close message is written: a channel opened in here would take the id that this one still holds.
      onclose: () => {
        queueMicrotask(() => {
          this.#end();
        });
      },
      ondrain: nothing,
    });
    if (channel === null) throw new Error("protomux made no channel");
    this.#channel = channel;
    channel.open();
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const message = this.#channel.messages[0];
    if (message === undefined || message.send(chunk)) return undefined;
    return new Promise((resolve) => this.#mux.stream.once("drain", resolve));
  }

  end(): void {
    this.#channel.close();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    this.#data = data;
    this.#end = end;
  }
}

/** Protomux over plain length-prefixed frames (its users mostly run it over an encrypted stream, which would cost more). */
export const peer: Peer = {
  listen: (onstream) =>
    listenLoopback((socket) => {
      const mux = new Protomux(new FramedStream(socket));
      mux.pair({ protocol: PROTOCOL }, () => {
        onstream(new ChannelStream(mux));
      });
    }),
  async dial(port) {
    const mux = new Protomux(new FramedStream(await dialLoopback(port)));
    return { open: () => new ChannelStream(mux) };
  },
};
