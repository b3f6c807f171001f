import { connect, Server, type Socket, type TcpNetConnectOpts, type IpcNetConnectOpts } from "node:net";
import { AstraError } from "@astranet/transport";
import { discard } from "../discard.ts";
import { kindOf, type DuplexBytes } from "../message/kinds.ts";
import { pipe } from "../pipe.ts";
import { Receiver } from "../receiver.ts";
import type { Sender } from "../sender.ts";
import { breakOff, fromNode } from "./node-streams.ts";

/** A raw connection, as a message. */
export interface SocketMessage {
  readonly bytes: DuplexBytes;
  /** Who connected, as its socket says. */
  readonly remoteAddress: string;
}

/** Where a gateway connects to: what `net.connect` takes. */
export type GatewayAddress = TcpNetConnectOpts | IpcNetConnectOpts;

/**
 * The connections that a server of raw sockets accepts, as messages: whoever receives one talks with whoever connected. Nothing is read of a connection before. The channel ends when the server closes;
 * when it is cancelled the server stays, and new connections are turned away. A connection whose bytes break off is reset, and so is one that is turned away. Throws EINVAL for what is no `net.Server`.
 */
export function sockets(server: Server): Receiver<SocketMessage> {
  if (!((server as unknown) instanceof Server)) throw new AstraError("EINVAL", "sockets takes a Server of node:net");
  const { sender, receiver } = pipe<SocketMessage>();
  const accept = (socket: Socket): void => void send(sender, socket);
  server.on("connection", accept);
  server.once("close", () => {
    server.off("connection", accept);
    void sender.close();
  });
  return receiver;
}

async function send(sender: Sender<SocketMessage>, socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  socket.pause();
  const bytes = bytesOf(socket);
  const remoteAddress = socket.remotePort === undefined ? "" : `${socket.remoteAddress ?? ""}:${socket.remotePort}`;
  try {
    await sender.send({ bytes, remoteAddress });
  } catch {
    breakOff(socket);
  }
}

/**
 * libchan's gateway: connects to `address` for each raw connection that comes over the channel, and joins the two, until both have ended. Resolves when the channel has ended and every connection is over; rejects with
 * what broke the channel. Where nobody answers at `address` the connection is broken off, and the others are not; a message that is no connection is dropped.
 * A connection that breaks on one side is reset on the other. Rejects with EINVAL for what is no Receiver, and for an address that `net.connect` does not take.
 */
export async function gateway(connections: Receiver<SocketMessage>, address: GatewayAddress): Promise<void> {
  if (!((connections as unknown) instanceof Receiver)) throw new AstraError("EINVAL", "gateway takes a Receiver of connections");
  const given: unknown = address;
  const { port, path } = (given ?? {}) as { port?: unknown; path?: unknown };
  if (port === undefined && path === undefined) throw new AstraError("EINVAL", "the address of a gateway has a port or a path");
  const running = new Set<Promise<void>>();
  try {
    for await (const message of connections) {
      if (!isSocketMessage(message)) {
        discard(message);
        continue;
      }
      const joined = splice(message.bytes, connected(address, message));
      running.add(joined);
      void joined.finally(() => running.delete(joined));
    }
  } finally {
    await Promise.all(running);
  }
}

function connected(address: GatewayAddress, message: SocketMessage): Socket {
  try {
    return connect({ allowHalfOpen: true, ...address } as TcpNetConnectOpts);
  } catch (error) {
    discard(message);
    throw new AstraError("EINVAL", `the address of a gateway is none: ${(error as Error).message}`, { cause: error });
  }
}

/** What comes from elsewhere may be anything. */
function isSocketMessage(message: unknown): message is SocketMessage {
  const { bytes } = (message ?? {}) as { bytes?: unknown };
  return typeof bytes === "object" && bytes !== null && kindOf(bytes) === "duplex";
}

async function splice(bytes: DuplexBytes, socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  const local = bytesOf(socket);
  // A direction that breaks tells its other end; the other direction hears it of its own.
  await Promise.allSettled([bytes.readable.pipeTo(local.writable), local.readable.pipeTo(bytes.writable)]);
}

/** Both directions of a socket, each of which ends by itself. */
function bytesOf(socket: Socket): DuplexBytes {
  socket.allowHalfOpen = true;
  return fromNode(socket);
}
