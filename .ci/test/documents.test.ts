import ts from "typescript";
import { describe, expect, it } from "vitest";
import { files, text } from "./repository.ts";

/** The cells of every table row of a document whose header begins with `first`. */
function rows(path: string, first: string): string[][] {
  const found: string[][] = [];
  let inside = false;
  for (const line of text(path).split("\n")) {
    // A `|` inside a cell is written `\|`.
    const cells = line.startsWith("|") ? line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|")) : [];
    if (cells[0] === first) inside = true;
    else if (cells.length === 0) inside = false;
    else if (inside && !/^:?-+:?$/.test(cells[0] ?? "")) found.push(cells);
  }
  return found;
}

const unquoted = (cell: string | undefined): string => (cell ?? "").replaceAll(/^`|`$/g, "");

describe("docs/errors.md", () => {
  const table = rows("docs/errors.md", "code");

  it("has one row for each code of AstraErrorCode, in its order", () => {
    const file = ts.createSourceFile("errors.ts", text("packages/transport/src/errors.ts"), ts.ScriptTarget.ES2022, true);
    const union = file.statements.filter(ts.isTypeAliasDeclaration).find(({ name }) => name.text === "AstraErrorCode");
    const codes = [...(union?.type.getText(file) ?? "").matchAll(/"([^"]+)"/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(10);
    expect(table.map(([code]) => unquoted(code))).toEqual(codes);
  });

  it("says of each what it means, when it comes, and whether to try again", () => {
    for (const cells of table) {
      expect(cells.length, cells[0]).toBe(4);
      for (const cell of cells) expect(cell, cells[0]).not.toBe("");
      expect(cells[3], cells[0]).toMatch(/^(?:yes|no|sometimes)\b/);
    }
  });
});

/** The titles of the tests of a file; a title with a placeholder (`%s`, `$name`, `${…}`) becomes a pattern. */
function titles(path: string): (string | RegExp)[] {
  const file = ts.createSourceFile(path, text(path), ts.ScriptTarget.ES2022, true);
  const found: (string | RegExp)[] = [];
  const pattern = (parts: string): RegExp =>
    new RegExp(`^${parts.split(/\0|%[sdifjo]|\$[a-z][\w.]*/i).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(?:it|test)\b/.test(node.expression.getText(file))) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) {
        found.push(/%[sdifjo]|\$[a-z]/i.test(title.text) ? pattern(title.text) : title.text);
      } else if (title !== undefined && ts.isTemplateExpression(title)) {
        found.push(pattern([title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join("\0")));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

describe("docs/rules.md", () => {
  const table = rows("docs/rules.md", "rule");

  it("names for each rule a test that exists", () => {
    const existing = files();
    const missing = table.flatMap(([rule = "", file, title]) => {
      const path = unquoted(file);
      const wanted = unquoted(title);
      if (!existing.includes(path)) return [`${rule}: no file ${path}`];
      const found = titles(path).some((known) => (typeof known === "string" ? known === wanted : known.test(wanted)));
      return found ? [] : [`${rule}: no test "${wanted}" in ${path}`];
    });
    expect(missing).toEqual([]);
  });

  it("has three cells a row", () => {
    for (const cells of table) {
      expect(cells.length, cells[0]).toBe(3);
      for (const cell of cells) expect(cell, cells[0]).not.toBe("");
    }
  });
});
