import { scenarios } from "../scenarios/scenarios.ts";
import { play } from "../scenarios/run.ts";
import { Violation } from "../violation.ts";
import type { SimArguments } from "./arguments.ts";

/** What a run of the command prints to, and takes real time from. */
export interface Terminal {
  print(line: string): void;
  /** Real milliseconds. */
  now(): number;
}

/** Plays the seeds one by one; stops at the first that fails, with all that is needed to see it again. Gives the exit code. */
export async function simulate(asked: SimArguments, terminal: Terminal): Promise<number> {
  const scenario = scenarios.get(asked.scenario);
  if (scenario === undefined) throw new Error(`there is no scenario ${asked.scenario}`);
  const began = terminal.now();
  let played = 0;
  let events = 0;
  for (let i = 0; i < asked.seeds && (i === 0 || terminal.now() - began < asked.limitSeconds * 1000); i += 1) {
    const seed = asked.seed + i;
    const { world, workload, error } = await play(scenario, { seed, nodes: asked.nodes, minutes: asked.minutes });
    played += 1;
    events += world.timeline.events;
    const { done, failed } = workload.stats;
    terminal.print(`seed ${seed}: digest ${world.trace.digest()}, ${world.timeline.events} events, ${done} talks went well, ${failed} met trouble`);
    if (error === undefined) continue;
    terminal.print("");
    terminal.print(world.trace.tail(asked.tail));
    terminal.print("");
    terminal.print(error instanceof Violation ? `does not hold: ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : "something that is no Error was thrown");
    terminal.print(`at ${(world.now / 1000).toFixed(3)} s of virtual time. To see it again: pnpm sim --scenario ${scenario.id} --seed ${seed} --nodes ${asked.nodes} --minutes ${asked.minutes}`);
    return 1;
  }
  const seconds = (terminal.now() - began) / 1000;
  terminal.print(`${played} seeds of ${scenario.id} (${scenario.title}): nothing that must hold was broken; ${events} events in ${seconds.toFixed(1)} s, ${Math.round(events / seconds)} a second`);
  if (played < asked.seeds) terminal.print(`${asked.seeds - played} seeds were left out: ${asked.limitSeconds} s are over`);
  return 0;
}
