import type { Session } from "@astranet/mux";
import { AstraError, type Clock } from "@astranet/transport";
import { streamTypes } from "../stream-types.ts";
import { Conn } from "./conn.ts";
import { dialDenied, encodeDialHeader, maxPort, maxTrace } from "./dial-header.ts";
import type { ConnAddress, ConnectOptions } from "./port-types.ts";

/** Throws EINVAL for options of a dial that cannot be. */
export function checkConnect(port: number, options: ConnectOptions): void {
  if (!Number.isInteger(port) || port < 1 || port > maxPort) throw new AstraError("EINVAL", `port ${String(port)} is not a whole number between 1 and ${maxPort}`);
  const { trace, timeoutMs, peerKey } = options;
  if (peerKey !== undefined && !((peerKey as unknown) instanceof Uint8Array && peerKey.length === 32)) throw new AstraError("EINVAL", "peerKey is a public key of 32 bytes");
  if (trace !== undefined && trace.length > maxTrace) throw new AstraError("EINVAL", `a trace context of ${trace.length} characters is longer than ${maxTrace}`);
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new AstraError("EINVAL", `timeoutMs ${String(timeoutMs)} is not a number from 0 on`);
}

/**
 * Opens a dial on a session. Resolves when the listener's side accepted. After an abort or the timeout the stream is reset,
 * and the other side, if it accepted meanwhile, sees that.
 */
export function openConn(session: Session, from: ConnAddress, to: ConnAddress, options: ConnectOptions, clock: Clock): Promise<Conn> {
  const { service, env = "", urgency = 3, trace, timeoutMs = 10_000, signal } = options;
  const header = encodeDialHeader({ port: to.port, service, env, from, trace });
  const stream = session.open({ type: streamTypes.dial, urgency, header });
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      timer?.cancel();
      signal?.removeEventListener("abort", aborted);
    };
    const giveUp = (reason: unknown): void => {
      finish();
      stream.reset();
      reject(reason);
    };
    const aborted = (): void => giveUp(signal?.reason);
    const timer = Number.isFinite(timeoutMs)
      ? clock.setTimer(timeoutMs, () => giveUp(new AstraError("ETIMEDOUT", `${to.id}:${to.port} did not accept within ${Math.round(timeoutMs)} ms`)), { keepAlive: true })
      : undefined;
    signal?.addEventListener("abort", aborted, { once: true });
    stream.opened.then(
      () => {
        finish();
        resolve(new Conn(stream, { localAddress: from, remoteAddress: to, service, env, trace }));
      },
      (error: unknown) => {
        finish();
        reject(explain(error, to));
      },
    );
  });
}

/**
 * Says which node and port an error is about. Nothing is sent before a dial is accepted: where the way to the other node broke meanwhile it can be dialled again, or somebody else. (If it had
 * accepted, and we did not hear of it, it has a Conn on which nothing came.)
 */
function explain(error: unknown, to: ConnAddress): unknown {
  if (!AstraError.is(error)) return error;
  const { remoteCode } = error;
  const code = remoteCode === dialDenied ? "EACCES" : error.code;
  const retryable = error.retryable || code === "ECONNRESET" || code === "ETIMEDOUT";
  return new AstraError(code, `${to.id}:${to.port}: ${error.message.slice(error.code.length + 2)}`, {
    retryable,
    via: error.via ?? [to.id],
    cause: error,
    ...(remoteCode === undefined ? {} : { remoteCode }),
  });
}
