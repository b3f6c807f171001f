import { connect, createServer, type SecureServerOptions, type ServerOptions } from "node:http2";
import { once } from "node:events";
import { DuplexStream } from "./duplex-stream.ts";
import { listening } from "./loopback.ts";
import type { Peer } from "./peer.ts";

type Settings = NonNullable<(ServerOptions & SecureServerOptions)["settings"]>;

/** `node:http2` without TLS. Limits on the number of streams are lifted in both variants; `window` also lifts the flow control's. */
export function http2Peer(window?: number): Peer {
  const settings: Settings = { maxConcurrentStreams: 2 ** 31 - 1, ...(window === undefined ? {} : { initialWindowSize: window }) };
  const options = { settings, maxSessionMemory: 16_384, peerMaxConcurrentStreams: 2 ** 31 - 1 };
  return {
    listen(onstream) {
      const server = createServer(options);
      server.on("session", (session) => {
        if (window !== undefined) session.setLocalWindowSize(window);
      });
      server.on("stream", (stream) => {
        stream.respond({ ":status": 200 });
        onstream(new DuplexStream(stream));
      });
      return listening(server);
    },
    async dial(port) {
      const session = connect(`http://127.0.0.1:${String(port)}`, options);
      await once(session, "remoteSettings");
      if (window !== undefined) session.setLocalWindowSize(window);
      return { open: () => new DuplexStream(session.request({ ":method": "POST", ":path": "/" }, { endStream: false })) };
    },
  };
}
