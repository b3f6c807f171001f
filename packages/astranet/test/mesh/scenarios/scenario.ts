/** What a scenario measured, by name: for a report. */
export type Figures = Readonly<Record<string, number | string>>;

export const MiB = 1_048_576;

/** Megabytes, to one digit. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 100_000) / 10;
}

/** Megabytes a second. */
export function speed({ bytes, ms }: { readonly bytes: number; readonly ms: number }): number {
  return Math.round(bytes / 1000 / ms);
}

export function milliseconds(ms: number): number {
  return Math.round(ms * 10) / 10;
}
