import { Network, SeededRandom, Timeline, Trace, type PathConditions } from "@astranet/sim";

/** A network whose virtual time follows the real one, for what can only wait in real time. `stop` ends that. */
export function realTimeNetwork(conditions: Partial<PathConditions> = {}): { network: Network; timeline: Timeline; stop: () => void } {
  const timeline = new Timeline();
  const network = new Network({ timeline, random: new SeededRandom(1), trace: new Trace(), conditions });
  const began = performance.now();
  let running = true;
  const pump = async (): Promise<void> => {
    while (running) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const behind = performance.now() - began - timeline.now;
      await timeline.run(Math.max(0, behind));
    }
  };
  void pump();
  return {
    network,
    timeline,
    stop: () => {
      running = false;
    },
  };
}
