import { parseArguments, usage, type SimArguments } from "./arguments.ts";
import { simulate } from "./simulate.ts";

/** `pnpm sim …` */
let asked: SimArguments | undefined;
try {
  asked = parseArguments(process.argv.slice(2), () => Math.floor(Math.random() * 2 ** 32));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(usage);
  process.exitCode = 2;
}
if (asked?.help === true) console.log(usage);
else if (asked !== undefined) process.exitCode = await simulate(asked, { print: (line) => console.log(line), now: () => performance.now() });
