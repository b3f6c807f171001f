import type { WorkOptions } from "./work.ts";

/** Runs rounds of the work, each twice as large as the one before, until the process is warm: compiled, with its heap and windows as they stay. Gives the rate of the last one, in units a second. */
export async function warmUp(options: WorkOptions, amounts: { readonly first: number; readonly most: number }, round: (amount: number) => Promise<unknown>): Promise<number> {
  let done = 0;
  let spentMs = 0;
  for (let amount = amounts.first; ; amount *= 2) {
    const start = performance.now();
    await round(amount);
    const ms = performance.now() - start;
    done += amount;
    spentMs += ms;
    // V8 compiles what is hot within some hundred milliseconds: a timed part that began before would measure the compiler.
    if (spentMs >= options.seconds * 500 || done + 2 * amount > amounts.most) return (amount / ms) * 1000;
  }
}
