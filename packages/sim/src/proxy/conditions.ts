/** What a proxy does to the bytes of one direction. */
export interface FaultConditions {
  /** How much later each byte arrives, in milliseconds. Default 0. */
  readonly latencyMs: number;
  /** What all connections together get. Default: no limit. */
  readonly bytesPerSecond: number;
  /** The most bytes that are written at once; there is a turn of the event loop between two writes. Default: no limit. */
  readonly sliceBytes: number;
  /** Nothing moves, and nobody is told; what comes is kept, then no more is read. Default false. */
  readonly stalled: boolean;
}

export const noFaults: FaultConditions = { latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, sliceBytes: Number.POSITIVE_INFINITY, stalled: false };

/** Throws a RangeError that names what means nothing. */
export function checkConditions({ latencyMs, bytesPerSecond, sliceBytes }: FaultConditions): void {
  if (!(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY)) throw new RangeError(`latencyMs is a duration, not ${latencyMs}`);
  if (!(bytesPerSecond > 0)) throw new RangeError(`bytesPerSecond is above 0, not ${bytesPerSecond}`);
  if (!(sliceBytes >= 1)) throw new RangeError(`sliceBytes is at least 1, not ${sliceBytes}`);
}
