import { parseArgs } from "node:util";
import { defaultNodes } from "../scenarios/run.ts";
import { scenarios } from "../scenarios/scenarios.ts";

/** What the command line asks for. */
export interface SimArguments {
  readonly scenario: string;
  /** The first seed. */
  readonly seed: number;
  /** How many, counting up from the first. */
  readonly seeds: number;
  readonly nodes: number;
  /** Virtual minutes. */
  readonly minutes: number;
  /** Real seconds, after which no further seed is begun. */
  readonly limitSeconds: number;
  /** Lines of the trace that are shown when something does not hold. */
  readonly tail: number;
  readonly help: boolean;
}

/** The scenarios that have another number of nodes. */
const defaults = [...scenarios.values()].flatMap(({ id, nodes }) => (nodes === undefined ? [] : [`${id}: ${nodes}`])).join(", ");

export const usage: string = `pnpm sim [--seed N] [--nodes N] [--minutes N] [--scenario NAME] [--seeds N] [--limit SECONDS] [--tail LINES]

Plays a scenario in virtual time, with every invariant checked, and prints a digest of all that happened: the same seed gives the same digest.
  --seed N          the first seed (default: drawn, and printed)
  --seeds N         so many seeds, counting up (default 1; at most 1,000,000)
  --nodes N         default 20 (${defaults}), at most 2,000
  --minutes N       virtual minutes, default 10, at most 1,440
  --scenario NAME   one of: ${[...scenarios.keys()].join(", ")} (default chaos)
  --limit SECONDS   begin no further seed after so many real seconds (default 3,600)
  --tail LINES      of the trace, when an invariant does not hold (default 60)
Exits with 1 when one does not hold.`;

/** Throws an Error that says what is wrong with them. */
export function parseArguments(args: readonly string[], drawSeed: () => number): SimArguments {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seed: text, seeds: text, nodes: text, minutes: text, scenario: text, limit: text, tail: text, help: { type: "boolean", short: "h" } },
  });
  const number = (name: "seed" | "seeds" | "nodes" | "minutes" | "limit" | "tail", fallback: () => number, least: number, most: number, whole = true): number => {
    const given = values[name];
    const value = given === undefined ? fallback() : Number(given);
    if (given?.trim() === "" || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      throw new Error(`--${name} is a ${whole ? "whole " : ""}number from ${least} to ${most}, not ${JSON.stringify(given)}`);
    }
    return value;
  };
  const named = values.scenario ?? "chaos";
  const scenario = [...scenarios.keys()].find((id) => id.toLowerCase() === named.toLowerCase());
  if (scenario === undefined) throw new Error(`--scenario is one of ${[...scenarios.keys()].join(", ")}, not ${JSON.stringify(named)}`);
  return {
    scenario,
    seed: number("seed", drawSeed, 0, Number.MAX_SAFE_INTEGER),
    seeds: number("seeds", () => 1, 1, 1_000_000),
    nodes: number("nodes", () => scenarios.get(scenario)!.nodes ?? defaultNodes, 1, 2000),
    minutes: number("minutes", () => 10, 0.1, 1440, false),
    limitSeconds: number("limit", () => 3600, 1, 1_000_000),
    tail: number("tail", () => 60, 0, 400),
    help: values.help === true,
  };
}
