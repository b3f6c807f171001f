/** Prints one readable line. */
export function say(what: string, text: string): void {
  console.log(`${what.padEnd(9)} ${text}`);
}

/** '12.3 ms' or '1.23 s'. */
export function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
