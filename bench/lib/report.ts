import type { BundleSize } from "./bundle-size.ts";
import { tables } from "./columns.ts";
import { fastestPeer, judge, type Verdict } from "./criteria.ts";
import { find, values, type Measure, type Row, type WorkResult } from "./results.ts";
import { median, pairedRatio } from "./statistics.ts";
import type { WorkName } from "../work/work.ts";

function cell(row: Row, measure: Measure, format: (value: number) => string): string {
  const value = median(values(row, measure));
  return Number.isNaN(value) ? "–" : format(value);
}

function ratioCell(row: Row, base: Row | undefined, measure: Measure): string {
  const ratio = pairedRatio(values(row, measure), values(base, measure));
  return Number.isNaN(ratio) ? "–" : ratio.toFixed(2);
}

/** One line of a note: the first line of an error, without the table's own separator. */
function oneLine(note: string): string {
  return (note.split("\n")[0] ?? "").replaceAll("|", "/").slice(0, 120);
}

function rowCells(result: WorkResult, row: Row): string[] {
  const { base, columns, more } = tables[result.work];
  if (row.runs.length === 0) return [row.label, "n/a", ...columns.slice(1).map(() => "–"), "–", "–", oneLine(row.note ?? "")];
  const measure = columns[0].measure;
  return [
    row.label,
    ...columns.map((column) => cell(row, column.measure, (value) => column.format(value))),
    ratioCell(row, find(result, base), measure),
    ratioCell(row, fastestPeer(result, measure, more), measure),
    row.note === undefined ? "" : `${String(row.runs.length)} of ${String(result.reps)}: ${oneLine(row.note)}`,
  ];
}

function cellsOf(result: WorkResult): string[][] {
  const { base, columns } = tables[result.work];
  const header = ["peer", ...columns.map((column) => column.title), `÷ ${base}`, "÷ best peer", ""];
  return [header, ...result.rows.map((row) => rowCells(result, row))];
}

function align(cells: readonly (readonly string[])[], join: string): string[] {
  const widths = cells[0]?.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0))) ?? [];
  return cells.map((line) => line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(join).trimEnd());
}

function markdownTable(cells: readonly (readonly string[])[]): string {
  const [header = [], ...body] = cells;
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "--:"))), ...body.map(line)].join("\n");
}

/** A work's table for the terminal. */
export function terminalTable(result: WorkResult): string {
  return [tables[result.work].title, ...align(cellsOf(result), "  ").map((line) => `  ${line}`)].join("\n");
}

function verdicts(results: ReadonlyMap<WorkName, WorkResult>, size: BundleSize | undefined): Verdict[] {
  const bundle: Verdict[] = size === undefined ? [] : [{ what: "bundle of Session, min + gzip", least: "≤ 8 kB", seen: `${(size.gzip / 1000).toFixed(2)} kB`, met: size.gzip <= 8_000 }];
  return [...judge(results), ...bundle];
}

/** The column "least to reach" for the terminal. */
export function terminalVerdicts(results: ReadonlyMap<WorkName, WorkResult>, size: BundleSize | undefined): string {
  const cells = verdicts(results, size).map(({ what, least, seen, met }) => [what, least, seen, met ? "met" : "NOT met"]);
  return ["Least to reach (row astranet: the public promise API)", ...align(cells, "  ").map((line) => `  ${line}`)].join("\n");
}

/** Everything as Markdown. */
export function markdown(results: ReadonlyMap<WorkName, WorkResult>, size: BundleSize | undefined): string {
  const parts: string[] = [];
  const [first] = results.values();
  if (first !== undefined) {
    const { cpu, cores, memoryGiB, node, os } = first.machine;
    parts.push(`Measured ${first.date.slice(0, 10)} on ${cpu}, ${String(cores)} cores, ${String(memoryGiB)} GiB, ${os}, Node ${node}. Client and server are two processes over loopback TCP, a relay is a third; medians of ${String(first.reps)} alternating repetitions; ratios are of the same repetition.`);
  }
  const judged = verdicts(results, size);
  if (judged.length > 0) {
    parts.push(markdownTable([["least to reach", "least", "seen", ""], ...judged.map(({ what, least, seen, met }) => [what, least, seen, met ? "met" : "**NOT met**"])]));
  }
  for (const result of results.values()) parts.push(`**${tables[result.work].title}**`, markdownTable(cellsOf(result)));
  return `${parts.join("\n\n")}\n`;
}
