import type { Checker } from "../invariants/checker.ts";
import type { SimNodeOptions } from "../node/sim-node.ts";
import type { World, WorldOptions } from "../world.ts";
import type { Workload } from "../workload.ts";

/** What a scenario is run with. */
export interface ScenarioSetting {
  readonly world: World;
  readonly workload: Workload;
  /** How many nodes it is asked to have; those with a fixed cast ignore it. */
  readonly nodes: number;
  /** How long it is asked to take, in virtual minutes; those with a fixed plot ignore it. */
  readonly minutes: number;
}

/** Something that happens to nodes, and what must come of it. */
export interface Scenario {
  /** As the command line has it: `chaos`, `F5`, … */
  readonly id: string;
  readonly title: string;
  /** How many nodes it has unless it is asked for another number. Default 20. */
  readonly nodes?: number;
  /** How its world is made. */
  readonly world?: Partial<WorldOptions>;
  /** Throws a Violation, or an assertion, where something else comes of it. */
  run(setting: ScenarioSetting): Promise<void>;
}

/** What a run may be changed in, besides its seed. */
export interface RunOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly minutes?: number;
  /** For every node: a mistake, for instance. */
  readonly node?: SimNodeOptions;
  readonly checkers?: readonly Checker[];
}
