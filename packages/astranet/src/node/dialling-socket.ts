import { connecting, type DuplexOptions, type StreamSocket } from "@astranet/mux/node";
import type { Conn } from "@astranet/router";
import { opened } from "./to-duplex.ts";

/** What `dial` is about to give, as a socket at once. The dial is given up when the socket is destroyed meanwhile, and when `signal` aborts. */
export function diallingSocket(dial: (signal: AbortSignal) => Promise<Conn>, signal: AbortSignal | undefined, options: Pick<DuplexOptions, "allowHalfOpen">): StreamSocket {
  const gaveUp = new AbortController();
  const aborted = (): void => gaveUp.abort(signal?.reason);
  if (signal?.aborted === true) aborted();
  signal?.addEventListener("abort", aborted, { once: true });
  const dialling = dial(gaveUp.signal).finally(() => signal?.removeEventListener("abort", aborted));
  return connecting(dialling.then(opened), () => gaveUp.abort(), options);
}
