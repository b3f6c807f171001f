import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

const conditions = ["@astranet/source"];
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/**
 * What runs beside what: the packages' tests in Node, then in Chromium, then what starts processes of its own, then what measures.
 * All at once, a machine with two cores would wait for itself.
 */
const order = { node: 0, browser: 1, programs: 2, alone: 3 };

/** Packages whose tests run in Node. */
const packages = ["frame", "transport", "transport-tcp", "transport-ws", "mux", "noise", "discovery", "router", "astranet", "channel", "sim"];
/** Packages that use no Node API: their `*.test.ts` run a second time in Chromium; `*.node.test.ts` do not. */
const portable = ["frame", "transport", "transport-ws", "mux", "noise", "discovery", "router", "astranet", "channel"];
/** Some packages' tests dial what is started once, in Node, for all of them. */
function setupOf(name: string): { globalSetup?: string } {
  const path = fileURLToPath(new URL(`packages/${name}/test/global-setup.ts`, import.meta.url));
  return existsSync(path) ? { globalSetup: path } : {};
}
/** Tests that measure time or memory run one at a time, after all others. */
const load = "**/*.load.node.test.ts";

const node = packages.map((name) => ({
  extends: true as const,
  test: { name, root: `packages/${name}`, ...setupOf(name), include: ["test/**/*.test.ts"], exclude: [load], sequence: { groupOrder: order.node } },
}));

const programs = ["examples", "bench"].map((name) => ({
  extends: true as const,
  test: { name, root: name, include: ["**/*.test.ts"], exclude: ["**/node_modules/**", load], sequence: { groupOrder: order.programs } },
}));

const alone = {
  extends: true as const,
  test: {
    name: "load",
    include: [`packages/*/test/${load}`, `examples/${load}`],
    testTimeout: 120_000,
    pool: "forks" as const,
    execArgv: ["--expose-gc"],
    maxWorkers: 1,
    sequence: { groupOrder: order.alone },
  },
};

const browser = portable.map((name) => ({
  extends: true as const,
  test: {
    name: `${name}@chromium`,
    root: `packages/${name}`,
    ...setupOf(name),
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.node.test.ts"],
    sequence: { groupOrder: order.browser },
    browser: {
      enabled: true,
      headless: true,
      provider: playwright({ launchOptions: { executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] } }),
      instances: [{ browser: "chromium" as const }],
      screenshotFailures: false,
    },
  },
}));

/** Tests of the repository as a whole: its layers, its documents, the examples in its READMEs. */
const repo = {
  extends: true as const,
  test: {
    name: "repo",
    root: ".ci",
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { groupOrder: order.programs },
  },
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // For what hangs, not for what is slow: a loaded machine may take its time.
    testTimeout: 60_000,
    reporters: ["default", "./.ci/reporter.ts"],
    projects: [...node, ...(existsSync(chromium) ? browser : []), ...programs, repo, alone],
  },
});
