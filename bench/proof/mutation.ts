import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * Mutation testing: `pnpm proof mutation [package...]`, by default of frame, transport and mux.
 * A `package/path` narrows it to a file: `pnpm proof mutation frame/decoder.ts`. Reports go to reports/mutation/PACKAGE.{html,json}.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.slice(2);
let status = 0;
for (const target of wanted.length > 0 ? wanted : ["frame", "transport", "mux"]) {
  const [name = "", ...file] = target.split("/");
  const sources = `packages/${name}/src/${file.length > 0 ? file.join("/") : "**/*.ts"}`;
  const reports = `reports/mutation/${target.replaceAll(/\W+/g, "-")}`;
  console.log(`== ${sources}`);
  const { status: ended } = spawnSync(
    "node_modules/.bin/stryker",
    ["run", "--mutate", `${sources},!packages/${name}/src/**/index.ts`],
    { cwd: root, stdio: "inherit", env: { ...process.env, MUTATE: name, MUTATION_REPORT: reports } },
  );
  if (ended !== 0) status = 1;
}
process.exitCode = status;
