import type { Conn, ConnAddress } from "@astranet/router";
import { toDuplex as streamToDuplex, type DuplexOptions, type EndAddress, type Opened, type StreamSocket } from "@astranet/mux/node";

/** A Conn as a Duplex, for whatever takes a `net.Socket`; `remoteAddress` is the other node's id, `remotePort` its virtual port. */
export function toDuplex(conn: Conn, options: Pick<DuplexOptions, "allowHalfOpen"> = {}): StreamSocket {
  const { stream, local, remote } = opened(conn);
  return streamToDuplex(stream, { ...options, local, remote });
}

/** What a socket over a Conn is made of. */
export function opened(conn: Conn): Opened & { local: EndAddress; remote: EndAddress } {
  return { stream: conn.stream, local: end(conn.localAddress), remote: end(conn.remoteAddress) };
}

function end({ id, port }: ConnAddress): EndAddress {
  return { address: id, port };
}
