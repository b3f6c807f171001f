import ts from "typescript";
import { describe, expect, it } from "vitest";
import { files, packages, text } from "./repository.ts";

const sources = files("packages").filter((path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path));

/** Statements of a module that are more than names coming from elsewhere. */
function statementsBesidesExports(path: string): string[] {
  const file = ts.createSourceFile(path, text(path), ts.ScriptTarget.ES2022, true);
  return file.statements
    .filter((statement) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined))
    .map((statement) => statement.getText(file));
}

describe("the repository", () => {
  it("describes each package in ARCHITECTURE.md, and no other", () => {
    const rows = [...text("ARCHITECTURE.md").matchAll(/^\| \[`([^`]+)`\]\((packages\/[^)]+)\) \|/gm)];
    const named = rows.map(([, name, folder]) => [folder, name]);
    const existing = packages.map((folder) => [`packages/${folder}`, folder === "astranet" ? folder : `@astranet/${folder}`]);
    expect(named.sort()).toEqual(existing.sort());
  });

  it("lists each package in README.md", () => {
    for (const name of packages) expect(text("README.md")).toContain(`](packages/${name})`);
  });

  it("runs the tests of each package", () => {
    const [, list] = /const packages = \[([^\]]*)\]/.exec(text("vitest.config.ts")) ?? [];
    expect(list?.split(",").map((name) => name.trim().replaceAll('"', "")).sort()).toEqual([...packages].sort());
  });

  it("checks the types of each package", () => {
    const { references } = JSON.parse(text("tsconfig.json")) as { references: { path: string }[] };
    const configs = files("packages").filter((path) => /^packages\/[^/]+\/tsconfig(?:\.[a-z]+)?\.json$/.test(path));
    const named = references.map(({ path }) => (path.endsWith(".json") ? path : `${path}/tsconfig.json`));
    expect(named.sort()).toEqual(configs.sort());
  });

  it("has a changeset or a changelog for each package", () => {
    const changesets = files(".changeset").filter((path) => path.endsWith(".md")).map(text).join("\n");
    for (const folder of packages) {
      const { name, version } = JSON.parse(text(`packages/${folder}/package.json`)) as { name: string; version: string };
      const released = version !== "0.0.0" && files(`packages/${folder}/CHANGELOG.md`).some((path) => text(path).includes(`## ${version}`));
      expect(released || changesets.includes(`"${name}": `), name).toBe(true);
    }
  });

  it("has a size budget for each package", () => {
    const budgets = JSON.parse(text(".size-limit.json")) as { name: string }[];
    for (const folder of packages) expect(budgets.some(({ name }) => name.split(" ")[0] === folder), folder).toBe(true);
  });
});

describe("a dependency", () => {
  const manifests = ["package.json", ...packages.map((name) => `packages/${name}/package.json`), ...files("examples").filter((path) => path.endsWith("/package.json"))];
  const all = manifests.flatMap((path) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(text(path)) as Partial<Record<string, Record<string, string>>>;
    return Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !version.startsWith("workspace:"));
  });

  it("is pinned, to one version everywhere", () => {
    const versions = new Map(all);
    for (const [name, version] of all) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(version, name).toBe(versions.get(name));
    }
  });

  it("is in ARCHITECTURE.md with the reason for it", () => {
    const document = text("ARCHITECTURE.md");
    const unexplained = all.map(([name]) => name).filter((name) => !name.startsWith("@types/") && !document.includes(`\`${name}\``));
    expect(unexplained).toEqual([]);
  });
});

describe("a source file", () => {
  it("named index.ts holds only a list of names", () => {
    const lists = sources.filter((path) => path.endsWith("/index.ts"));
    expect(lists.length).toBeGreaterThanOrEqual(packages.length);
    for (const path of lists) expect(statementsBesidesExports(path), path).toEqual([]);
  });

  it("has 450 lines at most", () => {
    expect(sources.length).toBeGreaterThan(0);
    const long = sources.filter((path) => text(path).split("\n").length > 451);
    expect(long).toEqual([]);
  });

  it("is named in kebab-case", () => {
    const odd = sources.filter((path) => !/^packages\/[a-z-]+\/src\/(?:[a-z0-9-]+\/)*[a-z0-9-]+(?:\.[a-z]+)?\.ts$/.test(path));
    expect(odd).toEqual([]);
  });
});

describe("what is committed", () => {
  const readable = files().filter((path) => /\.(?:ts|js|json|md|ya?ml|sh)$|^\.ci\/run$/.test(path) && path !== "pnpm-lock.yaml");

  it("refers to nothing outside the repository", () => {
    // Assembled, so that this file does not find itself.
    const outside = new RegExp([["/work/", "(?:main|shared)"], ["shared/", "(?:DESIGN|TOOLCHAIN|STYLE|reference|muxado)"], ["DESIGN", "\\.md"]].map((parts) => parts.join("")).join("|"));
    expect(readable.filter((path) => outside.test(text(path)))).toEqual([]);
  });

  it("links to files that exist", () => {
    const all = files();
    const folders = new Set(all.flatMap((path) => path.split("/").map((_, at, parts) => parts.slice(0, at).join("/"))));
    const broken = readable
      .filter((path) => path.endsWith(".md") && !path.includes("/fixtures/") && !path.startsWith(".changeset/"))
      .flatMap((path) =>
        [...text(path).replaceAll(/^```[^]*?^```/gm, "").matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)/g)].flatMap(([, link = ""]) => {
          const target = new URL(link, `file:///${path}`).pathname.slice(1).replace(/\/$/, "");
          return all.includes(target) || folders.has(target) ? [] : [`${path}: ${link}`];
        }),
      );
    expect(broken).toEqual([]);
  });
});
