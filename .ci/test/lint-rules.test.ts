import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { describe, expect, it } from "vitest";
import { layers, root } from "./repository.ts";

// Rules that need types are left out: the snippets are no files of a project.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: false } },
    rules: { ...tseslint.configs.disableTypeChecked.rules },
  },
});

async function rulesThatBite(path: string, code: string): Promise<string[]> {
  const results = await eslint.lintText(code, { filePath: root + path });
  const messages = results.flatMap((result) => result.messages);
  const broken = messages.find((message) => message.fatal === true);
  if (broken !== undefined) throw new Error(broken.message);
  return messages.map((message) => message.ruleId ?? "none");
}

describe("a core package's sources", () => {
  const outside: [code: string, rule: string][] = [
    ["export const t = Date.now();", "no-restricted-globals"],
    ["export const t = new Date();", "no-restricted-globals"],
    ["export const t = performance.now();", "no-restricted-globals"],
    ["export const t = globalThis.performance.now();", "no-restricted-globals"],
    ["setTimeout(() => 0, 1);", "no-restricted-globals"],
    ["globalThis.setTimeout(() => 0, 1);", "no-restricted-globals"],
    ["setInterval(() => 0, 1);", "no-restricted-globals"],
    ["setImmediate(() => 0);", "no-restricted-globals"],
    ["export const t = crypto.getRandomValues(new Uint8Array(1));", "no-restricted-globals"],
    ["export const t = Math.random();", "no-restricted-properties"],
    ["export const t = AbortSignal.timeout(1);", "no-restricted-properties"],
  ];
  for (const name of layers.core) {
    it(`of ${name} may not take time or randomness from the outside`, async () => {
      for (const [code, rule] of outside) {
        expect(await rulesThatBite(`packages/${name}/src/snippet.ts`, code), code).toContain(rule);
        expect(await rulesThatBite(`packages/${name}/src/node/snippet.ts`, code), code).toContain(rule);
      }
      for (const module of ["node:timers", "node:timers/promises", "node:perf_hooks", "node:crypto", "crypto"]) {
        const code = `import "${module}";`;
        expect(await rulesThatBite(`packages/${name}/src/node/snippet.ts`, code), code).toContain("no-restricted-imports");
      }
    });
  }

  it("may use Node's primitives of cryptography in its provider's file alone, and no randomness there", async () => {
    expect(layers.crypto).toEqual(["noise/src/node/node-crypto.ts"]);
    for (const path of layers.crypto.map((path) => `packages/${path}`)) {
      expect(await rulesThatBite(path, 'import { createHash } from "node:crypto"; createHash("sha256");')).toEqual([]);
      for (const name of ["randomBytes", "generateKeyPairSync", "webcrypto"]) {
        expect(await rulesThatBite(path, `import { ${name} } from "node:crypto"; ${name};`), name).toContain("no-restricted-imports");
      }
      for (const code of ['import crypto from "node:crypto"; crypto;', 'import * as crypto from "node:crypto"; crypto;', 'import "node:perf_hooks";']) {
        expect(await rulesThatBite(path, code), code).toContain("no-restricted-imports");
      }
      expect(await rulesThatBite(path, "export const t = Math.random();")).toContain("no-restricted-properties");
    }
  });

  it("may use microtasks", async () => {
    expect(await rulesThatBite("packages/mux/src/snippet.ts", "queueMicrotask(() => 0);")).toEqual([]);
  });
});

describe("a portable package's sources", () => {
  for (const name of layers.portable) {
    it(`of ${name} may not use Node`, async () => {
      const path = `packages/${name}/src/snippet.ts`;
      for (const code of ['import "node:net";', 'import "fs/promises";', 'export { connect } from "net";']) {
        expect(await rulesThatBite(path, code), code).toContain("no-restricted-imports");
      }
      for (const code of ["export const b = Buffer.alloc(1);", "export const b = globalThis.Buffer;", "export type B = Buffer;"]) {
        expect(await rulesThatBite(path, code), code).toContain("no-restricted-syntax");
      }
    });
  }

  it("may use Node below src/node", async () => {
    const code = 'import "node:net"; export const b = Buffer.alloc(1);';
    expect(await rulesThatBite("packages/mux/src/node/snippet.ts", code)).toEqual([]);
  });
});

describe("imports go down the layers only", () => {
  const names = Object.keys(layers.imports);
  const published = (name: string): string => (name === "astranet" ? name : `@astranet/${name}`);
  for (const name of names) {
    it(`from ${name}`, async () => {
      for (const other of names) {
        const allowed = layers.imports[name]?.includes(other) === true;
        for (const entry of [published(other), `${published(other)}/node`]) {
          for (const path of [`packages/${name}/src/snippet.ts`, `packages/${name}/src/node/snippet.ts`]) {
            const bites = await rulesThatBite(path, `import "${entry}";`);
            expect(bites, `${name} imports ${entry}`).toEqual(allowed ? [] : ["no-restricted-imports"]);
          }
        }
      }
      const around = `import "../../${name === "frame" ? "mux" : "frame"}/src/index.ts";`;
      expect(await rulesThatBite(`packages/${name}/src/snippet.ts`, around), around).toContain("no-restricted-imports");
    });
  }
});

describe("a test", () => {
  const path = "packages/mux/test/snippet.test.ts";

  it("may not sleep", async () => {
    for (const code of ["setTimeout(() => 0, 1);", "setInterval(() => 0, 1);", "globalThis.setTimeout(() => 0, 1);"]) {
      expect(await rulesThatBite(path, code), code).toContain("no-restricted-globals");
    }
    expect(await rulesThatBite(path, 'import "node:timers/promises";')).toContain("no-restricted-imports");
  });

  it("may not be skipped, left to be written, or run alone", async () => {
    for (const code of ['it.only("x", () => 0);', 'describe.skip("x", () => 0);', 'test.todo("x");']) {
      expect(await rulesThatBite(path, `import { describe, it, test } from "vitest"; ${code}`), code).toContain("no-restricted-syntax");
    }
  });
});
