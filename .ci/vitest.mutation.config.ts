import { defineConfig } from "vitest/config";

const conditions = ["@astranet/source"];

/**
 * What mutation testing runs: the tests of one package (`MUTATE`), in Node, without those that are about load, time or other processes
 * (`*.load.node.test.ts`), and without the two kinds that say nothing new and take long in instrumented code: bulk, and one byte at a time.
 * Each mutant runs every test that reaches it.
 */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    root: `packages/${process.env["MUTATE"] ?? "frame"}`,
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.load.node.test.ts"],
    testNamePattern: /^(?!.*(?:one byte at a time|carries bulk))/,
    testTimeout: 60_000,
  },
});
