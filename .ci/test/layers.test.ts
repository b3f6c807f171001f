import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { layers, manifest, packages, root, text } from "./repository.ts";

const run = promisify(execFile);

/** What the compiler says of a file that would stand at `path`, under the package's own tsconfig; one entry a line of `code`. */
function complaints(folder: string, code: string): (number | undefined)[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    `${root}packages/${folder}/tsconfig.json`,
    { noEmit: true, composite: false, emitDeclarationOnly: false, declaration: false, declarationMap: false, isolatedDeclarations: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => { throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")); } },
  );
  if (config === undefined) throw new Error(`no tsconfig in ${folder}`);
  const path = `${root}packages/${folder}/src/snippet.ts`;
  const host = ts.createCompilerHost(config.options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.readFile = (name) => (name === path ? code : readFile(name));
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, code, ts.ScriptTarget.ES2022, true) : getSourceFile(name, ...rest);
  const program = ts.createProgram([path], config.options, host);
  const source = program.getSourceFile(path);
  const lines: (number | undefined)[] = code.split("\n").map(() => undefined);
  for (const { start, code: number } of program.getSemanticDiagnostics(source)) {
    const at = source?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
    lines[at] ??= number;
  }
  return lines;
}

describe("the compiler", () => {
  for (const name of layers.portable) {
    it(`knows nothing of Node in ${name}`, () => {
      const code = [
        'import "./index.ts";',
        'import * as net from "node:net"; export { net };',
        "export const b = Buffer.alloc(1);",
        "export const p = process.version;",
        "export const i = setImmediate(() => 0);",
        "export const bytes = new Uint8Array(1);",
      ].join("\n");
      const [own, net, buffer, process, immediate, bytes] = complaints(name, code);
      expect({ own, bytes }).toEqual({ own: undefined, bytes: undefined });
      expect([net, buffer, process, immediate]).not.toContain(undefined);
    });
  }

  it("does not find a package that was not declared", () => {
    const names = Object.keys(layers.imports).filter((name) => name !== "astranet");
    for (const name of packages) {
      const { dependencies = {}, devDependencies = {} } = manifest(name);
      const declared = { ...dependencies, ...devDependencies };
      const others = names.filter((other) => other !== name && !(`@astranet/${other}` in declared));
      const found = complaints(name, others.map((other, at) => `import * as n${at} from "@astranet/${other}"; export { n${at} };`).join("\n"));
      if (others.length > 0) expect(found, `${name} sees ${others.join(", ")}`).not.toContain(undefined);
    }
  });
});

describe("the workspace", () => {
  it("declares no dependency that goes up the layers", () => {
    expect([...packages].sort()).toEqual(Object.keys(layers.imports).sort());
    for (const name of packages) {
      const ours = Object.keys(manifest(name).dependencies ?? {}).filter((other) => other === "astranet" || other.startsWith("@astranet/"));
      const allowed = (layers.imports[name] ?? []).map((other) => `@astranet/${other}`);
      expect(allowed, name).toEqual(expect.arrayContaining(ours));
    }
  });

  it("has layers without a cycle", () => {
    const below = new Set<string>();
    let rest = Object.entries(layers.imports);
    while (rest.length > 0) {
      const next = rest.filter(([, imports]) => !imports.every((name) => below.has(name)));
      expect(next.length).toBeLessThan(rest.length);
      for (const entry of rest) if (!next.includes(entry)) below.add(entry[0]);
      rest = next;
    }
  });

  it("refuses to install when two packages depend on each other", async () => {
    const folder = await mkdtemp(join(tmpdir(), "astranet-cycle-"));
    try {
      await cp(`${root}pnpm-workspace.yaml`, join(folder, "pnpm-workspace.yaml"));
      await writeFile(join(folder, "package.json"), JSON.stringify({ name: "cycle", private: true }));
      for (const [name, other] of [["a", "b"], ["b", "a"]] as const) {
        await mkdir(join(folder, "packages", name), { recursive: true });
        const dependencies = { [other]: "workspace:^" };
        await writeFile(join(folder, "packages", name, "package.json"), JSON.stringify({ name, version: "1.0.0", dependencies }));
      }
      const { packageManager } = JSON.parse(text("package.json")) as { packageManager: string };
      const attempt = run("npx", ["-y", packageManager, "install", "--offline"], { cwd: folder });
      await expect(attempt).rejects.toMatchObject({ stderr: expect.stringContaining("ERR_PNPM_DISALLOW_WORKSPACE_CYCLES") as string });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
