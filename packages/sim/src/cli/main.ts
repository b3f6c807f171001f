import { parseArguments, usage, type SimArguments } from "./arguments.ts";
import { simulate } from "./simulate.ts";

/** `pnpm sim …` */
// Where something waits for what no event brings, Node ends as if all were done: that is a failure too.
process.exitCode = 1;
let asked: SimArguments | undefined;
try {
  asked = parseArguments(process.argv.slice(2), () => Math.floor(Math.random() * 2 ** 32));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(usage);
  process.exitCode = 2;
}
if (asked?.help === true) {
  console.log(usage);
  process.exitCode = 0;
} else if (asked !== undefined) process.exitCode = await simulate(asked, { print: (line) => console.log(line), now: () => performance.now() });
