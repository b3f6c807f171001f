import { act } from "./actions.ts";
import { finish, noteStates, settle } from "./checks.ts";
import { type Kind, kinds, type Operation, randomOperations } from "./operations.ts";
import { SeededRandom } from "./random.ts";
import { shrink } from "./shrink.ts";
import { World } from "./world.ts";

/** Operations of one case: enough for several pairs of sessions, few enough to shrink. */
const CASE = 240;

export interface ModelRun {
  readonly seed: number;
  readonly operations: number;
  readonly worlds: number;
  readonly ends: number;
  /** How often each kind of operation was done, and in how many ends of streams each state was reached. */
  readonly kinds: ReadonlyMap<string, number>;
  readonly states: ReadonlyMap<string, number>;
  readonly failure: ModelFailure | undefined;
}

export interface ModelFailure {
  readonly what: string;
  readonly caseSeed: number;
  /** The least list of operations found that still fails. */
  readonly operations: readonly Operation[];
}

interface Tally {
  operations: number;
  worlds: number;
  ends: number;
  readonly kinds: Map<string, number>;
  readonly states: Map<string, number>;
}

/** Runs cases until `operations` were done or one fails; that one is shrunk. */
export async function runModel(options: { readonly operations: number; readonly seed: number; readonly progress?: (done: number) => void }): Promise<ModelRun> {
  const tally: Tally = { operations: 0, worlds: 0, ends: 0, kinds: new Map(kinds.map((kind) => [kind, 0])), states: new Map() };
  const random = new SeededRandom(options.seed);
  let failure: ModelFailure | undefined;
  while (tally.operations < options.operations && failure === undefined) {
    const caseSeed = random.next();
    const operations = randomOperations(new SeededRandom(caseSeed), CASE);
    const what = await runCase(caseSeed, operations, tally);
    if (what !== undefined) failure = await smallest(caseSeed, operations, what);
    options.progress?.(tally.operations);
  }
  return { seed: options.seed, ...tally, failure };
}

async function smallest(caseSeed: number, operations: readonly Operation[], what: string): Promise<ModelFailure> {
  const shrunk = await shrink(operations, async (list) => (await runCase(caseSeed, list)) !== undefined);
  return { what: (await runCase(caseSeed, shrunk)) ?? what, caseSeed, operations: shrunk };
}

/** Runs one list of operations over as many pairs of sessions as it ends. Says what went wrong. */
export async function runCase(caseSeed: number, operations: readonly Operation[], tally?: Tally): Promise<string | undefined> {
  let world = new World(caseSeed);
  let left: number | undefined;
  let ended = 0;
  const end = async (): Promise<void> => {
    await finish(world);
    if (tally !== undefined) count(world, tally);
  };
  try {
    for (const operation of operations) {
      if (left !== undefined && left-- === 0) {
        await end();
        if (world.failure !== undefined) return world.failure;
        world = new World(caseSeed + ++ended);
        left = undefined;
      }
      // What promises have to say is said before the next operation.
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
      const done = await act(world, operation);
      if (done && tally !== undefined) {
        tally.operations++;
        tally.kinds.set(operation.kind, (tally.kinds.get(operation.kind) ?? 0) + 1);
      }
      if (operation.kind === "settle" || operation.kind === "advance") {
        noteStates(world);
        await settle(world);
      }
      if (isLast(operation.kind)) left ??= operation.b % 12;
      if (world.failure !== undefined) return world.failure;
    }
    await end();
    return world.failure;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** Whether little can happen to a pair of sessions after it. */
function isLast(kind: Kind): boolean {
  return kind === "closeSession" || kind === "die";
}

function count(world: World, tally: Tally): void {
  tally.worlds++;
  for (const side of [0, 1] as const)
    for (const { end } of world.endsOf(side)) {
      tally.ends++;
      for (const state of end.states) tally.states.set(state, (tally.states.get(state) ?? 0) + 1);
    }
}

/** The run in words: a histogram of operations and one of the states that ends of streams reached, in per cent. */
export function report(run: ModelRun): string {
  const lines = [`seed ${String(run.seed)}: ${String(run.operations)} operations on ${String(run.worlds)} pairs of sessions, ${String(run.ends)} ends of streams`];
  const table = (title: string, counts: ReadonlyMap<string, number>, whole: number): void => {
    lines.push(title);
    for (const [name, times] of [...counts].sort((a, b) => b[1] - a[1])) lines.push(`  ${((100 * times) / whole).toFixed(1).padStart(5)} %  ${name}`);
  };
  table("operations", run.kinds, run.operations);
  table("states reached, of all ends of streams", run.states, run.ends);
  if (run.failure !== undefined) {
    lines.push(`FAILED: ${run.failure.what}`, `case ${String(run.failure.caseSeed)}, shrunk to ${String(run.failure.operations.length)} operations:`);
    for (const operation of run.failure.operations) lines.push(`  ${JSON.stringify(operation)}`);
  }
  return lines.join("\n");
}

/** Operations and states that came in less than one per cent. */
export function rare(run: ModelRun): string[] {
  const few = (counts: ReadonlyMap<string, number>, whole: number): string[] => [...counts].filter(([, times]) => times * 100 < whole).map(([name]) => name);
  return [...few(run.kinds, run.operations), ...few(run.states, run.ends)];
}
