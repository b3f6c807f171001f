/**
 * Runs `work` with a signal that aborts when any of `signals` does, with its reason, and lets go of them afterwards.
 * (`AbortSignal.any` keeps its dependants for as long as a long-lived source lives in some of the supported versions of Node.)
 */
export async function until<T>(signals: readonly (AbortSignal | undefined)[], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const endings = signals.map((signal) => {
    const aborted = (): void => controller.abort(signal?.reason);
    if (signal?.aborted === true) aborted();
    signal?.addEventListener("abort", aborted, { once: true });
    return () => signal?.removeEventListener("abort", aborted);
  });
  try {
    controller.signal.throwIfAborted();
    return await work(controller.signal);
  } finally {
    for (const end of endings) end();
  }
}
