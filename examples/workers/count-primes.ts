import { setImmediate } from "node:timers/promises";

const SLICE = 20_000;

export async function countPrimes(below: number): Promise<number> {
  let count = 0;
  for (let n = 2; n < below; n += 1) {
    if (isPrime(n)) count += 1;
    // Whoever computes without a pause does not answer the other side's pings, and is taken for dead.
    if (n % SLICE === 0) await setImmediate();
  }
  return count;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
}
