import { AstraError } from "@astranet/transport";
import { FalseRelay } from "../mistakes/false-relay.ts";
import type { SimNode } from "../node/sim-node.ts";
import { cast, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
const secret = "the secret that members know";
const pieceBytes = 500;
const pieces = 12;
/** A relay that lets nothing more pass is found out by the silence: 15 s, and a moment. */
const silenceMs = 16_000;

/** What becomes of the n-th piece that a circuit's opener sends. */
type Trick = (chunk: Uint8Array, n: number) => readonly Uint8Array[];

/** a – r1 – r2 – d, and a shorter way over a relay that does something to what it carries. */
export const tamperingRelay: Scenario = {
  id: "F25",
  title: "a relay changes, repeats, drops and swaps what it carries",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    // The handshake is through after the second piece; what follows is a dial, and what is written.
    const from = world.random.integer(3, 6);
    const byte = world.random.integer(0, pieceBytes);
    const bit = 1 << world.random.integer(0, 7);
    const tricks: readonly (readonly [what: string, make: () => Trick])[] = [
      ["changes a bit of the handshake", () => (chunk, n) => [n === 0 ? flipped(chunk, byte, bit) : chunk]],
      ["lets nothing of the handshake pass", () => () => []],
      ["repeats the handshake", () => (chunk, n) => (n === 0 ? [chunk, chunk] : [chunk])],
      ["changes a bit", () => (chunk, n) => [n === from ? flipped(chunk, byte, bit) : chunk]],
      ["repeats a piece", () => (chunk, n) => (n === from ? [chunk, chunk] : [chunk])],
      ["drops a piece", () => (chunk, n) => (n === from ? [] : [chunk])],
      ["lets nothing more pass", () => (chunk, n) => (n >= from ? [] : [chunk])],
      ["says again what was said first", () => again(from)],
      ["swaps two pieces", () => swapped(from)],
    ];
    const { a, r1, r2 } = cast(world, ["a", "r1", "r2"], { secrets: [secret] });
    const targets = cast(world, tricks.map((_, i) => `d${i}` as const), { secrets: [secret] });
    const all = tricks.map((_, i) => targets[`d${i}`]!);
    link([a, r1], [r1, r2], ...all.map((d) => [d, r2] as const));
    await within(world, 10_000, "a reaches every d", () => all.every((d) => reaches(a, d)));
    const relay = new FalseRelay(world, "relay", secret);
    for (const node of [a, ...all]) await world.settle(relay.join(node), 1000);
    relay.claim([a, ...all]);
    await within(world, 2000, "the way over the relay is the shorter one", () => all.every((d) => a.running.router.route(d.id)?.via.join() === relay.id));
    await world.run(1000);
    /** The way of the last circuit from a to each. */
    const ways = new Map<string, readonly string[]>();
    a.running.router.subscribe((event) => {
      if (event.type === "circuitup") ways.set(event.peer, event.path);
    });
    for (const [i, [what, make]] of tricks.entries()) await meddle(all[i]!, what, make());
    await world.run(20_000);

    async function meddle(d: SimNode, what: string, trick: Trick): Promise<void> {
      let carried = 0;
      relay.oncircuit = (circuit) => {
        carried += 1;
        relay.carry(circuit, trick);
      };
      const got: number[] = [];
      d.running.bind({ name: "sink", port: 99, onconn: (conn) => void (async () => {
        try {
          for await (const chunk of conn) got.push(...chunk);
        } catch {
          // That it broke is what is wanted.
        }
      })() });
      const conn = await world.settle(a.running.router.connect(d.id, 99), 10_000);
      const sent: number[] = [];
      let broken: unknown;
      const reading = conn.read().catch((error: unknown) => (broken = error));
      for (let k = 1; k <= pieces; k += 1) {
        const piece = new Uint8Array(pieceBytes).fill(k);
        sent.push(...piece);
        conn.write(piece).catch(() => undefined);
        await world.run(5);
      }
      await world.run(4 * latencyMs);
      // Either the handshake was found wrong, and what is dialled goes over the other way, or what came is the beginning of what was sent.
      const isAround = ways.get(d.id)?.includes(r2.id) === true;
      must(`what came is what was sent, in order, as far as it came: where the relay ${what}`, got.every((value, k) => value === sent[k]));
      if (got.length === sent.length) {
        must(`all came over the other way: where the relay ${what}`, isAround && broken === undefined && carried === 1);
        conn.reset();
        return;
      }
      await within(world, silenceMs, `the stream breaks where the relay ${what}`, () => broken !== undefined);
      await reading;
      must(`it breaks with what it may: ${String(broken)}`, ["ECONNRESET", "ERR_ASTRANET_PROTOCOL", "ETIMEDOUT"].some((code) => AstraError.is(broken) && broken.code === code && !broken.retryable));
      // The map has been told at once.
      const next = await world.settle(a.running.router.connect(d.id, 99), 1000);
      must(`the next dial takes the other way: where the relay ${what}`, carried === 1 && ways.get(d.id)?.includes(r2.id) === true);
      next.reset();
    }
  },
};

function flipped(chunk: Uint8Array, at: number, bit: number): Uint8Array {
  return chunk.map((byte, i) => (i === at % chunk.length ? byte ^ bit : byte));
}

/** Replays the first piece after the n-th. */
function again(from: number): Trick {
  let first: Uint8Array | undefined;
  return (chunk, n) => {
    first ??= chunk.slice();
    return n === from ? [chunk, first.slice()] : [chunk];
  };
}

function swapped(from: number): Trick {
  let held: Uint8Array | undefined;
  return (chunk, n) => {
    if (n === from) held = chunk;
    return n === from ? [] : n === from + 1 ? [chunk, held!] : [chunk];
  };
}
