import { parseArgs } from "node:util";
import { peers, type PeerInfo } from "../peers/list.ts";
import { workNames, type WorkName } from "../work/work.ts";

export interface BenchOptions {
  readonly works: readonly WorkName[];
  readonly peers: readonly PeerInfo[];
  /** Whether they were asked for by name. */
  readonly named: boolean;
  readonly reps: number;
  readonly quick: boolean;
  readonly profile: boolean;
  readonly readme: boolean;
  /** Idle streams of work D for every peer; undefined: each peer's own number. */
  readonly idle: number | undefined;
}

const usage = `pnpm bench [--work ${workNames.join(",")}] [--peers ${peers.map((p) => p.name).join(",")}]
           [--reps 5] [--idle N] [--quick] [--profile] [--readme]
  --quick    short runs, 2 repetitions, results are not kept
  --profile  one repetition with CPU profiles of all processes: of astranet and what it is compared with (any peers with --peers)
  --readme   puts the newest results into README.md between the bench markers`;

function list<T>(text: string | undefined, all: readonly T[], name: (item: T) => string): readonly T[] {
  if (text === undefined) return all;
  return text.split(",").map((wanted) => {
    const found = all.find((item) => name(item) === wanted);
    if (found === undefined) throw new Error(`'${wanted}' is none of ${all.map(name).join(", ")}\n${usage}`);
    return found;
  });
}

function count(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0, not '${text}'`);
  return value;
}

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      work: { type: "string" },
      peers: { type: "string" },
      reps: { type: "string" },
      idle: { type: "string" },
      quick: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
    },
  });
  const { quick, profile } = values;
  return {
    works: list(values.work, workNames, (name) => name),
    peers: list(values.peers, peers, (peer) => peer.name),
    named: values.peers !== undefined,
    reps: count(values.reps, "reps") ?? (profile ? 1 : quick ? 2 : 5),
    quick,
    profile,
    readme: values.readme,
    idle: count(values.idle, "idle"),
  };
}
