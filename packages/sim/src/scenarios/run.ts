import { allCheckers } from "../invariants/all-checkers.ts";
import { Workload } from "../workload.ts";
import { World } from "../world.ts";
import type { RunOptions, Scenario } from "./scenario.ts";

/** What came of a run. */
export interface RunResult {
  readonly seed: number;
  readonly world: World;
  readonly workload: Workload;
  /** The Violation, or whatever else went wrong; undefined where all is well. */
  readonly error: unknown;
}

/** See Scenario.nodes. */
export const defaultNodes = 20;

/** Plays a scenario, with everything checked. Never rejects. */
export async function play(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  const { seed, nodes = scenario.nodes ?? defaultNodes, minutes = 10, node } = options;
  const workload = new Workload();
  const world = new World({ seed, ...scenario.world, checkers: [...allCheckers(), workload, ...(options.checkers ?? [])], ...(node === undefined ? {} : { node: { ...scenario.world?.node, ...node } }) });
  let error: unknown;
  try {
    await scenario.run({ world, workload, nodes, minutes });
  } catch (thrown) {
    error = thrown;
  }
  return { seed, world, workload, error };
}
