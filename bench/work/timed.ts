import type { Ask, Measures } from "./work.ts";

/** User and system time of this process so far. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs the timed part: its wall time, and the CPU time of both processes, which suffers less from what else the machine does. */
export async function timed(ask: Ask, part: () => Promise<unknown>): Promise<Measures & { readonly seconds: number }> {
  const serverBefore = (await ask("cpu"))["seconds"] ?? NaN;
  const clientBefore = cpuSeconds();
  const start = performance.now();
  await part();
  const seconds = (performance.now() - start) / 1000;
  const clientCpuSeconds = cpuSeconds() - clientBefore;
  const serverCpuSeconds = ((await ask("cpu"))["seconds"] ?? NaN) - serverBefore;
  return { seconds, clientCpuSeconds, serverCpuSeconds };
}
