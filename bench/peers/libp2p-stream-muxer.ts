import type { Socket } from "node:net";
import { prefixLogger } from "@libp2p/logger";
import { AbstractMultiaddrConnection, type AbstractStreamMuxer } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { dialLoopback, listenLoopback } from "./loopback.ts";
import type { BenchStream, Peer } from "./peer.ts";

interface Resolvers {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

// libp2p 3 calls it; Node 20 does not have it.
Object.assign(Promise, {
  withResolvers: (): Resolvers => {
    let resolve: Resolvers["resolve"] = () => undefined;
    let reject: Resolvers["reject"] = () => undefined;
    const promise = new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  },
});

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

type LibStream = Awaited<ReturnType<AbstractStreamMuxer["createStream"]>>;

class Libp2pStream implements BenchStream {
  readonly #stream: LibStream;

  constructor(stream: LibStream) {
    this.#stream = stream;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#stream.send(chunk)) return undefined;
    // Not `onDrain()`: its promise stays resolved after the first time, and gigabytes would be queued.
    return new Promise((resolve) => {
      this.#stream.addEventListener("drain", () => { resolve(); }, { once: true });
    });
  }

  end(): void {
    void this.#stream.close();
  }

  read(data: (chunk: Uint8Array) => void, end: () => void): void {
    this.#stream.addEventListener("message", (event) => {
      const chunk = event.data;
      if (chunk instanceof Uint8Array) data(chunk);
      else for (const part of chunk) data(part);
    });
    this.#stream.addEventListener("end", end);
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
