import type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
import { StreamSocket, type Opened, type Opening } from "./stream-socket.ts";

/**
 * A Duplex over a stream, for whatever takes a `net.Socket`: `http.Server`, `http.Agent`, undici, `ws`, `tls`, `pipeline`.
 * The stream is the Duplex's from then on. Its errors are the stream's own, with their codes.
 */
export function toDuplex(stream: ByteStream, options: DuplexOptions = {}): StreamSocket {
  const { session } = stream as { readonly session?: { readonly localAddress: string; readonly remoteAddress: string } };
  const local = options.local ?? (session === undefined ? undefined : parseEnd(session.localAddress));
  const remote = options.remote ?? (session === undefined ? undefined : parseEnd(session.remoteAddress));
  return new StreamSocket({ stream, local, remote }, options);
}

/**
 * As {@link toDuplex}, of a stream that is still being opened: like `net.connect` it gives a socket at once, which can be written
 * to already and emits 'connect', or 'error'.
 */
export function connecting(opened: Promise<Opened>, giveUp: () => void, options: Pick<DuplexOptions, "allowHalfOpen"> = {}): StreamSocket {
  const opening: Opening = { opened, giveUp };
  return new StreamSocket(opening, options);
}

/** 'host:port' or '[v6]:port' taken apart; anything else is an address without a port. */
function parseEnd(text: string): EndAddress {
  const [, v6, host, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const address = v6 ?? host;
  return address === undefined ? { address: text } : { address, port: Number(port) };
}
