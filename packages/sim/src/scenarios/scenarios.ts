import { chaos } from "./chaos.ts";
import type { Scenario } from "./scenario.ts";

/** All of them, by what the command line calls them. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map([chaos].map((scenario) => [scenario.id, scenario]));
