import type { Socket } from "node:net";
import { prefixLogger } from "@libp2p/logger";
import { AbstractMultiaddrConnection, type AbstractStreamMuxer } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { Libp2pStream } from "./libp2p-stream.ts";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { Peer } from "./peer.ts";
import "./with-resolvers.ts";

type Direction = "inbound" | "outbound";
type SendData = Parameters<AbstractMultiaddrConnection["sendData"]>[0];
type SendResult = ReturnType<AbstractMultiaddrConnection["sendData"]>;

/** A socket as libp2p 3's connection, the way its own TCP transport does it. */
export class SocketConnection extends AbstractMultiaddrConnection {
  readonly #socket: Socket;

  constructor(socket: Socket, direction: Direction) {
    super({
      remoteAddr: multiaddr(`/ip4/127.0.0.1/tcp/${String(socket.remotePort ?? 0)}`),
      direction,
      log: prefixLogger("bench").forComponent("tcp"),
      inactivityTimeout: 600_000,
    });
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.onData(chunk);
    });
    socket.on("drain", () => {
      this.safeDispatchEvent("drain");
    });
    socket.on("error", (error) => {
      this.abort(error);
    });
    socket.on("close", () => {
      this.onTransportClosed();
    });
  }

  override sendData(data: SendData): SendResult {
    let sentBytes = 0;
    let canSendMore = true;
    for (const chunk of data) {
      sentBytes += chunk.byteLength;
      canSendMore = this.#socket.write(chunk);
      if (!canSendMore) break;
    }
    return { sentBytes, canSendMore };
  }

  override sendClose(): Promise<void> {
    this.#socket.end();
    return Promise.resolve();
  }

  override sendReset(): void {
    this.#socket.resetAndDestroy();
  }

  override sendPause(): void {
    this.#socket.pause();
  }

  override sendResume(): void {
    this.#socket.resume();
  }
}

/** Any muxer of libp2p 3 as a peer. */
export function libp2pPeer(muxer: (connection: SocketConnection) => Pick<AbstractStreamMuxer, "createStream" | "addEventListener">): Peer {
  return {
    listen: (onstream) =>
      listenLoopback((socket) => {
        muxer(new SocketConnection(socket, "inbound")).addEventListener("stream", (event) => {
          onstream(new Libp2pStream(event.detail));
        });
      }),
    async dial(port) {
      const session = muxer(new SocketConnection(await dialLoopback(port), "outbound"));
      return { open: async () => new Libp2pStream(await session.createStream()) };
    },
  };
}
