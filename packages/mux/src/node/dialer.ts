import type { OpenOptions } from "../session/options.ts";
import type { Session } from "../session/session.ts";
import type { DuplexOptions } from "./byte-stream.ts";
import type { StreamSocket } from "./stream-socket.ts";
import { toDuplex } from "./to-duplex.ts";

/** What a {@link Dialer} reports to, in a later tick: an error, or null and the socket. Its types are loose, because http and undici each have their own. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DialCallback = (error: any, socket: any) => void;

/**
 * Opens one stream a call, as a socket: returns it, and gives it to the callback too, where there is one (`http` takes either,
 * undici the callback). Errors go to the callback; without one they are thrown. Of what an HTTP client says about its target
 * only `timeout` is used (see `StreamSocket.setTimeout`): a session leads to one place.
 */
export type Dialer = (target?: unknown, callback?: DialCallback) => StreamSocket | undefined;

/**
 * A session as what HTTP clients connect with: `http.request({ createConnection: dialer(session) })`,
 * `agent.createConnection = dialer(session)` for an `http.Agent` that keeps connections alive, and
 * `new Agent({ connect: dialer(session) })` of undici. `open` goes to `session.open` each time.
 * `allowHalfOpen` is false by default, as with `net.connect`: where the server ends, the socket ends too, and leaves the agent's pool.
 */
export function dialer(session: Session, options: DuplexOptions & { readonly open?: OpenOptions } = {}): Dialer {
  const { open, ...rest } = options;
  return (target, callback) => {
    let socket: StreamSocket;
    try {
      socket = toDuplex(session.open(open), { allowHalfOpen: false, ...rest });
    } catch (error) {
      if (callback === undefined) throw error;
      // undici stands still if it is called back before its call has returned.
      process.nextTick(callback, error, null);
      return undefined;
    }
    const { timeout } = (target ?? {}) as { timeout?: unknown };
    if (typeof timeout === "number") socket.setTimeout(timeout);
    if (callback !== undefined) process.nextTick(callback, null, socket);
    return socket;
  };
}
