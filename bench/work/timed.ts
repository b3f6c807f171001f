import type { Ask, Measures, WorkOptions } from "./work.ts";

/** User and system time of this process so far. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs the timed part: its wall time, and the CPU time of all processes, which suffers less from what else the machine does. */
export async function timed(ask: Ask, { relayed }: WorkOptions, part: () => Promise<unknown>): Promise<Measures & { readonly seconds: number }> {
  const cpuOf = async (question: string): Promise<number> => (await ask(question))["seconds"] ?? NaN;
  const relayBefore = relayed ? await cpuOf("relay cpu") : 0;
  const serverBefore = await cpuOf("cpu");
  const clientBefore = cpuSeconds();
  const start = performance.now();
  await part();
  const seconds = (performance.now() - start) / 1000;
  const clientCpuSeconds = cpuSeconds() - clientBefore;
  const serverCpuSeconds = (await cpuOf("cpu")) - serverBefore;
  const both = { seconds, clientCpuSeconds, serverCpuSeconds };
  return relayed ? { ...both, relayCpuSeconds: (await cpuOf("relay cpu")) - relayBefore } : both;
}
