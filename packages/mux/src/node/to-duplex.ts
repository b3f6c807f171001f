import type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
import { StreamSocket } from "./stream-socket.ts";

/**
 * A Duplex over a stream, for whatever takes a `net.Socket`: `http.Server`, `http.Agent`, undici, `ws`, `tls`, `pipeline`.
 * The stream is the Duplex's from then on. Its errors are the stream's own, with their codes.
 */
export function toDuplex(stream: ByteStream, options: DuplexOptions = {}): StreamSocket {
  const { session } = stream as { readonly session?: { readonly localAddress: string; readonly remoteAddress: string } };
  if (session === undefined) return new StreamSocket(stream, options);
  const local = options.local ?? parseEnd(session.localAddress);
  const remote = options.remote ?? parseEnd(session.remoteAddress);
  return new StreamSocket(stream, { ...options, local, remote });
}

/** 'host:port' or '[v6]:port' taken apart; anything else is an address without a port. */
function parseEnd(text: string): EndAddress {
  const [, v6, host, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  const address = v6 ?? host;
  return address === undefined ? { address: text } : { address, port: Number(port) };
}
