import { FalseRelay, type FalseCircuit } from "../mistakes/false-relay.ts";
import type { SimNode } from "../node/sim-node.ts";
import { cast, isLinked, link, reaches } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
const secret = "the secret that members know";

/** What a liar answers to a circuit for a node with which it has no link, and how long a dial then takes at most, with its second way. */
interface Lie {
  readonly what: string;
  readonly answer: (liar: FalseRelay, circuit: FalseCircuit) => void;
  readonly withinMs: number;
}

/** 'C', the reason, the node on the path that says so (1: the liar, 2: the target), whether another way may do better: see docs/circuits.md. */
const failure = (reason: number, atIndex: number, retryable: boolean): number => ((0x43 << 24) | (reason << 16) | (atIndex << 8) | Number(retryable)) >>> 0;
/** A round trip to the liar; one over the three links of the other way to open a circuit, and one for the dial. */
const atOnceMs = 2 * latencyMs + 4 * 3 * latencyMs + 10;
/** What a try gets that is not answered: a second, and four of the round trips that are expected. */
const patienceMs = 1000 + 4 * 200;

/** a – r1 – r2 – d, and a liar beside them that says it has a link with d, and that d says so, too. */
export const lyingRelay: Scenario = {
  id: "F24",
  title: "a relay leads to nodes with which it has no link",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    let deceived = 0;
    const lies: readonly Lie[] = [
      { what: "that it has no such link, now", answer: (_, { stream }) => stream.reset(failure(1, 1, true)), withinMs: atOnceMs },
      { what: "nothing", answer: () => undefined, withinMs: atOnceMs + patienceMs },
      { what: "in d's place", answer: (liar, circuit) => void liar.impersonate(circuit).then((believed) => (deceived += Number(believed))), withinMs: atOnceMs },
      { what: "that d does not want it, and never will", answer: (_, { stream }) => stream.reset(failure(5, 2, false)), withinMs: atOnceMs },
      { what: "that it itself does not want it, and never will", answer: (_, { stream }) => stream.reset(failure(7, 1, false)), withinMs: atOnceMs },
      { what: "with noise, which may look like the beginning of something", answer: (_, { stream }) => (stream.accept(), void stream.write(world.random.bytes(200)).catch(() => undefined)), withinMs: atOnceMs + patienceMs },
    ];
    const { a, r1, r2 } = cast(world, ["a", "r1", "r2"], { secrets: [secret] });
    const targets = cast(world, lies.map((_, i) => `d${i}` as const), { secrets: [secret] });
    const all = lies.map((_, i) => targets[`d${i}`]!);
    link([a, r1], [r1, r2], ...all.map((d) => [d, r2] as const));
    await within(world, 10_000, "a reaches every d", () => all.every((d) => reaches(a, d)));
    await world.run(1000);
    const liar = new FalseRelay(world, "liar", secret);
    await world.settle(liar.join(a), 1000);
    await within(world, 1000, "a is linked with the liar", () => a.running.router.links.some(({ peer, state }) => peer === liar.id && state === "up"));
    // a hands nothing on, so the nodes of whom this is said do not hear of it, and cannot contradict.
    liar.claim([a, ...all]);
    for (const d of all) liar.forgeLinks(d, [r2.id]);
    await within(world, 1000, "a believes it", () => all.every((d) => a.running.router.route(d.id)?.via.join() === liar.id));

    for (const [i, lie] of lies.entries()) await dial(all[i]!, lie);
    must("nobody took the liar for somebody else", deceived === 0);
    must("the links stay as they were", isLinked(a, r1) && isLinked(r1, r2) && all.every((d) => isLinked(d, r2)));

    async function dial(d: SimNode, { what, answer, withinMs }: Lie): Promise<void> {
      let tried = 0;
      liar.oncircuit = (circuit) => {
        tried += 1;
        must(`the circuit that came to the liar is for d: ${what}`, circuit.path.at(-1) === d.id);
        answer(liar, circuit);
      };
      let served = 0;
      d.running.bind({ name: "once", port: 99, onconn: (conn) => ((served += 1), void conn.end(new Uint8Array(4))) });
      const began = world.now;
      const conn = await world.settle(a.running.router.connect(d.id, 99), 10_000);
      must(`the dial succeeds after ${world.now - began} ms, ${withinMs} at most, where the liar answers ${what}`, world.now - began <= withinMs);
      must(`it has tried the liar once, and d has seen one dial: ${what}`, tried === 1 && served === 1);
      must(`it is d who answers: ${what}`, (await world.settle(conn.read(), 1000))?.length === 4);
      // For some seconds nothing goes where it failed: not a circuit, not a trace.
      const { path } = await world.settle(a.running.router.trace(d.id), 1000);
      must(`the way that failed is not tried again: ${what}`, tried === 1 && path.join() === [a.id, r1.id, r2.id, d.id].join());
    }
  },
};
