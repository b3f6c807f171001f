import { totalmem } from "node:os";
import { buildPeer } from "../lib/build.ts";
import { runPair } from "../lib/run-pair.ts";
import { peers } from "../peers/list.ts";

/**
 * Ten million idle streams on one connection between two processes, one byte each way on every one of them, all held at once:
 * `pnpm proof ten-million-streams [count]`. Both processes run on this machine, which needs about 24 GiB for the ten million.
 * Then a thousand of them, spread over all, answer another byte.
 */
const count = Number(process.argv[2] ?? 10_000_000);
const peer = peers.find(({ name }) => name === "astranet");
if (peer === undefined) throw new Error("the list of peers has lost astranet");
const built = await buildPeer(peer);
if (typeof built === "string") throw new Error(built);

console.log(`${count.toLocaleString("en-US")} streams, ${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory`);
const seen = await runPair({
  built,
  way: "direct",
  work: "D",
  options: { seconds: 1, streams: 1, idle: count, maxOpens: 0, reading: false, relayed: false },
  limitMs: 20 * 60_000,
  profiles: undefined,
});
const bytes = (measure: string): string => (seen[measure] ?? NaN).toFixed(0);
console.log(`opened in ${(seen["openSeconds"] ?? NaN).toFixed(1)} s; resident: client ${bytes("clientHeldBytes")} B, server ${bytes("serverHeldBytes")} B a stream`);
console.log(`${String(seen["checked"])} of them, spread over all, answered another byte`);
