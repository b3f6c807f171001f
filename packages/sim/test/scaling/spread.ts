/** Of one figure, over all nodes. */
export interface Spread {
  readonly mean: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, max: Math.max(...values) };
}
