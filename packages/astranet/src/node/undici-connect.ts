import type { DialCallback } from "@astranet/mux/node";
import { AstraError } from "@astranet/transport";
import type { AstraNet, DialOptions } from "../astra-net.ts";
import { toDuplex } from "./to-duplex.ts";

/** What undici says about the connection that it wants. */
export interface UndiciTarget {
  readonly hostname: string;
  /** '' where it is the protocol's own. */
  readonly port?: string;
  readonly protocol?: string;
}

/**
 * What undici, and `fetch` with it, connects with: `new Agent({ connect: undiciConnect(net) })` as the `dispatcher` makes `http://web/` the
 * service 'web' and `http://web:8080/` 'web:8080'. Links of their own are safe or not; `https:` would be TLS inside of them, and fails with EINVAL.
 */
export function undiciConnect(net: AstraNet, options: DialOptions = {}): (target: UndiciTarget, callback: DialCallback) => void {
  return ({ hostname, port = "", protocol = "http:" }, callback) => {
    if (protocol !== "http:") {
      process.nextTick(callback, new AstraError("EINVAL", `${protocol}//${hostname}: services are dialled with http:`), null);
      return;
    }
    net.httpDial("", `${hostname}:${port === "" ? "80" : port}`, options).then(
      (conn) => callback(null, toDuplex(conn, { allowHalfOpen: false })),
      (error: unknown) => callback(error, null),
    );
  };
}
