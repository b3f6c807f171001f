/** Gives `length` unpredictable bytes, in a fresh array. */
export type RandomSource = (length: number) => Uint8Array;
