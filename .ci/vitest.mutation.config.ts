import { defineConfig } from "vitest/config";

const conditions = ["@astranet/source"];

/**
 * What mutation testing runs: the tests of one package (`MUTATE`), in Node. Each mutant runs every test that reaches it, so what takes long and
 * says nothing new is left out: load, fuzzing and the model's long walk, other processes, the same body over every kind of pipe, bulk, one byte at a time, and
 * whatever else takes a second or more.
 */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    root: `packages/${process.env["MUTATE"] ?? "frame"}`,
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.load.node.test.ts", "test/**/*-kinds*.test.ts", "test/tcp.node.test.ts", "test/**/{fuzz,model,processes,ownership,slow-readers}*.test.ts"],
    testNamePattern: /^(?!.*(?:one byte at a time|carries bulk|lets go of what it delivered: a chunk stays|two sessions of ours understand each other|loses none of 10,000|carries 50 MB|takes all of a chunk exactly when|RFC 7748's result of 1,000 rounds|wherever the bytes are cut, each length checked once|moves about one key in n|with little gets everything in messages below 64 KiB|send each record at most three times|maxServicesPerNode: refuses more|however links break, nodes that want each other|thousands of records, in messages that stay))/,
    // A mutant that hangs fails its test after that, which costs less than having its whole process ended.
    testTimeout: 3000,
  },
});
