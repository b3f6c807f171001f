import { pipe, type PipeOptions } from "@astranet/channel";
import { localPeer, type LocalMessage, type LocalPeer } from "./local-peer.ts";

/** A producer and a consumer, each a loop that awaits every message. */
export function pipeLoops(options: PipeOptions): LocalPeer {
  return localPeer(async (count, make, take) => {
    const { sender, receiver } = pipe<LocalMessage>(options);
    const produce = async (): Promise<void> => {
      for (let i = 0; i < count; i++) await sender.send(make(i));
      await sender.close();
    };
    const consume = async (): Promise<void> => {
      for await (const message of receiver) take(message);
    };
    await Promise.all([produce(), consume()]);
  });
}
