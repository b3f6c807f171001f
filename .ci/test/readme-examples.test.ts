import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import ts from "typescript";
import { afterAll, describe, expect, it } from "vitest";
import { files, packages, root, text } from "./repository.ts";

interface Example {
  /** Where its first line stands in the document. */
  readonly line: number;
  readonly code: string;
  /** The ```text block that follows at once: what the example must print. */
  readonly output: string | undefined;
}

/** The ```ts blocks of a document. A block that is to be read, not run, is written as ```typescript. */
function examples(document: string): Example[] {
  const blocks = [...document.matchAll(/^```ts\n([^]*?)^```\n(?:\n*```text\n([^]*?)^```)?/gm)];
  return blocks.map(({ index, 1: code = "", 2: output }) => ({ line: document.slice(0, index).split("\n").length + 1, code, output }));
}

interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a file against the sources. One that has not ended by itself after `limitMs` is killed, and says so. */
function run(path: string, limitMs = 20_000): Promise<Outcome> {
  const command = ["--conditions=@astranet/source", "--import", "tsx", path];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, timeout: limitMs, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.killed === true ? "did not end" : (error.code ?? "killed");
      resolve({ status, stdout, stderr });
    });
  });
}

// A block's imports resolve as they would in its package; those of the repository's own documents as in astranet, which has all of them.
const homes = [
  ...packages.map((name) => ({ document: `packages/${name}/README.md`, home: `packages/${name}` })),
  { document: "README.md", home: "packages/astranet" },
  { document: "docs/writing-a-transport.md", home: "packages/astranet" },
  { document: "docs/from-go.md", home: "packages/astranet" },
].filter(({ document }) => files(document).length > 0);

/** What the compiler says of the files, under the options of the repository's own tests and examples. */
function complaints(paths: readonly string[]): string[] {
  const config = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path)).config as object;
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: paths, references: [] }, ts.sys, root);
  const program = ts.createProgram(paths, { ...options, noEmit: true, composite: false, emitDeclarationOnly: false, noUnusedLocals: false });
  const host = { getCanonicalFileName: (name: string) => name, getCurrentDirectory: () => root, getNewLine: () => "\n" };
  return paths.flatMap((path) => program.getSemanticDiagnostics(program.getSourceFile(path))).map((found) => ts.formatDiagnostic(found, host));
}

/** Where the blocks are written: below their package, so that its own name and its dependencies resolve. */
const scratch = (home: string): string => `${root}${home}/.readme-${process.pid}`;

afterAll(async () => {
  for (const { home } of homes) await rm(scratch(home), { recursive: true, force: true });
});

describe.each(homes)("the examples of $document", ({ document, home }) => {
  it("compile and run as they stand", async () => {
    const folder = scratch(home);
    await mkdir(folder, { recursive: true });
    const blocks = examples(text(document)).map((example) => ({ ...example, path: `${folder}/${document.replaceAll(/\W/g, "-")}-${example.line}.ts` }));
    for (const { path, code } of blocks) await writeFile(path, code);
    if (home !== "packages/astranet" || document.startsWith(home)) expect(blocks, `${document} shows no example`).not.toEqual([]);
    expect(complaints(blocks.map(({ path }) => path))).toEqual([]);
    for (const { line, path, output } of blocks) {
      const { status, stdout, stderr } = await run(path);
      expect({ status, stderr }, `the example at ${document}:${line}`).toEqual({ status: 0, stderr: "" });
      if (output !== undefined) expect(stdout, `the output of ${document}:${line}`).toBe(output);
    }
  });
});

describe("an example", () => {
  it("that fails, that prints to stderr, or that hangs is noticed", async () => {
    const folder = scratch("packages/astranet");
    await mkdir(folder, { recursive: true });
    const outcome = async (name: string, code: string): Promise<Outcome> => {
      await writeFile(`${folder}/${name}.ts`, code);
      return run(`${folder}/${name}.ts`, 5_000);
    };
    expect(await outcome("fails", "process.exit(3);")).toMatchObject({ status: 3 });
    expect(await outcome("warns", 'console.error("oh");')).toMatchObject({ stderr: "oh\n" });
    expect(await outcome("hangs", "setInterval(() => 0, 1000);")).toMatchObject({ status: "did not end" });
  });
});
