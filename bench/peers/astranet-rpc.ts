import { client, type Call } from "@astranet/channel";
import { dialChannels, listenChannels, openFor, type Service } from "./channels-link.ts";
import type { MessagePeer } from "./message-peer.ts";

/** Calls as `client` makes them and `serve` answers them. */
export const peer: MessagePeer = {
  listen: listenChannels,
  async dial(port) {
    const service = client<Service>(await openFor<Call>(await dialChannels(port), { is: "calls" }));
    return {
      open: () => Promise.reject(new Error("flows are astranet-channel's")),
      call: (request) => service.call(request),
    };
  },
};
