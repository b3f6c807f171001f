import { spawnSync } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Mutation testing: `pnpm proof mutation [package...]`, by default of frame, transport and mux.
 * `PACKAGE/FILE` narrows it to a file below src: `pnpm proof mutation frame/decoder.ts`.
 * Reports go to reports/mutation/. Fails where fewer than 85 % of the mutants are killed.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.slice(2);
let status = 0;
for (const target of wanted.length > 0 ? wanted : ["frame", "transport", "mux"]) {
  const [name = "", ...file] = target.split("/");
  const folder = `packages/${name}/src`;
  // The conformance kit and the ownership debugger are instruments of tests, with a loop over each byte that instrumentation makes minutes of.
  const mutate = [file.length > 0 ? `${folder}/${file.join("/")}` : `${folder}/**/*.ts`, `!${folder}/**/index.ts`, `!${folder}/testing/**`];
  console.log(`== ${mutate[0] ?? ""}`);
  const stryker = spawnSync("node_modules/.bin/stryker", ["run", "--mutate", mutate.join()], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, MUTATE: name },
  });
  if (stryker.status !== 0) status = 1;
  for (const kind of ["html", "json"]) {
    const report = `${root}reports/mutation/mutation.${kind}`;
    if (existsSync(report)) renameSync(report, `${root}reports/mutation/${target.replaceAll(/\W+/g, "-")}.${kind}`);
  }
}
process.exitCode = status;
