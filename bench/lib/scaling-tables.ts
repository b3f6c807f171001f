import { changeCount, type Scaling } from "../../packages/sim/test/scaling/measure.ts";
import type { Phase } from "../../packages/sim/test/scaling/phase.ts";
import type { Spread } from "../../packages/sim/test/scaling/spread.ts";

/** A mesh of one size, and what it took of the machine. */
export interface MeasuredSize extends Scaling {
  readonly cpuSeconds: number;
  /** The most that the process had in memory. */
  readonly peakBytes: number;
}

/** The tables of docs/scaling.md, smallest mesh first. */
export function scalingTables(sizes: readonly MeasuredSize[]): string {
  return [
    meshes(sizes),
    phases("A cold start, until all stores are equal", sizes, (size) => size.coldStart),
    phases("From then on, until no record changes any more", sizes, (size) => size.settling),
    phases("One more service, until all list it", sizes, (size) => size.changes, changeCount),
    phases("A router is killed, until all have settled", sizes, (size) => size.death),
    idle(sizes),
  ].join("\n\n");
}

function meshes(sizes: readonly MeasuredSize[]): string {
  const rows = sizes.map((size, i) => {
    const before = sizes[i - 1];
    return [
      ...[size.nodes, size.routers, size.leaves, size.links, size.services, size.store.records].map(whole),
      kilo(size.store.bytes),
      kilo(size.heldBytes),
      growth(before, size, ({ heldBytes }) => heldBytes),
      (size.peakBytes / 1e9).toFixed(2),
      size.cpuSeconds.toFixed(0),
    ];
  });
  return table("The meshes", ["nodes", "routers", "leaves", "links", "services", "records in a store", "… kB", "memory a node, kB", "grows as", "process's peak, GB", "CPU s"], rows);
}

function phases(title: string, sizes: readonly MeasuredSize[], pick: (size: Scaling) => Phase, times = 1): string {
  const of = ({ mean, max }: Spread, words: (value: number) => string): string => `${words(mean / times)} / ${words(max / times)}`;
  const rows = sizes.map((size, i) => {
    const phase = pick(size);
    const before = sizes[i - 1];
    return [
      whole(size.nodes),
      whole(phase.ms),
      of(phase.messages, one),
      growth(before, size, (each) => pick(each).messages.mean),
      of(phase.bytes, kilo),
      growth(before, size, (each) => pick(each).bytes.mean),
      of(phase.copies, one),
      of(phase.redundant, one),
      ((phase.bytes.mean * size.nodes) / times / 1e6).toFixed(2),
    ];
  });
  return table(title, ["nodes", "ms", "messages a node", "grow as", "kB a node", "grow as", "copies that came to a node", "… of no use", "all nodes together, MB"], rows);
}

function idle(sizes: readonly MeasuredSize[]): string {
  const rows = sizes.map(({ nodes, idle: { messages, bytes, wireBytes, copies }, forgetting }) => [
    whole(nodes),
    ...[messages, bytes, wireBytes, copies].map(({ mean, max }) => `${one(mean)} / ${whole(max)}`),
    `${whole(forgetting.messages.mean)} / ${whole(forgetting.messages.max)}`,
    whole(forgetting.copies.max),
  ]);
  return table("A minute in which nothing happens; and the 150 s in which the dead are forgotten", ["nodes", "messages a node", "bytes", "bytes with pings and acknowledgements", "records", "messages while forgetting", "records"], rows);
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [`### ${title}`, "", line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** As which power of the number of nodes a figure has grown since the size before. */
function growth(before: MeasuredSize | undefined, now: MeasuredSize, figure: (size: MeasuredSize) => number): string {
  if (before === undefined) return "";
  return `N^${(Math.log(figure(now) / figure(before)) / Math.log(now.nodes / before.nodes)).toFixed(2)}`;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const one = (value: number): string => (value >= 1000 ? whole(value) : value.toFixed(1));
const kilo = (value: number): string => (value >= 1e6 ? whole(value / 1000) : (value / 1000).toFixed(value >= 1e4 ? 0 : 2));
