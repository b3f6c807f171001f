import type { AstraError, Clock } from "@astranet/transport";

/** How long somebody waits for what others may wait for too. */
export interface Patience {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** As `promise`, but rejects with `signal.reason` after an abort, and with `late()` after the timeout; the promise goes on. */
export function settled<T>(promise: Promise<T>, clock: Clock, { signal, timeoutMs = Infinity }: Patience, late: () => AstraError): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const finish = (): void => {
      timer?.cancel();
      signal?.removeEventListener("abort", aborted);
    };
    const aborted = (): void => {
      finish();
      reject(signal?.reason);
    };
    const timer = Number.isFinite(timeoutMs)
      ? clock.setTimer(
          timeoutMs,
          () => {
            finish();
            reject(late());
          },
          { keepAlive: true },
        )
      : undefined;
    signal?.addEventListener("abort", aborted, { once: true });
    promise.then(
      (value) => {
        finish();
        resolve(value);
      },
      (error: unknown) => {
        finish();
        reject(error);
      },
    );
  });
}
