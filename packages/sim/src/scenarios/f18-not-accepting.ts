import type { AstraError } from "@astranet/transport";
import { cast, codeOf, follow, link, reaches } from "./cast.ts";
import { must, throughout, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

/** See RouterLimits.listenerBacklog. */
const backlog = 1024;
const dials = 1500;
const timeoutMs = 10_000;
const latencyMs = 10;
/** Over the relay, there and back. */
const roundTripMs = 4 * latencyMs;

/** b listens on a port and takes no Conn; a dials it over and over, through r. */
export const notAccepting: Scenario = {
  id: "F18",
  title: "a listener accepts nothing",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { a, r, b } = cast(world, ["a", "r", "b"]);
    link([a, r], [b, r]);
    await within(world, 10_000, "a reaches b", () => reaches(a, b));
    // The first dial makes the circuit.
    const running = await world.settle(a.running.dial({ name: "b" }), 1000);
    const listener = b.running.router.bind({ port: 99 });
    const dial = () => follow(world, a.running.router.connect(b.id, 99, { timeoutMs }));
    const began = world.now;
    const all = Array.from({ length: dials }, dial);
    const pending = (): number => all.filter(({ outcome }) => outcome === undefined).length;
    await world.run(roundTripMs + 5);
    // Which of them are first is not said: those of one tick keep no order on the wire.
    must(`of ${dials} dials ${pending()} wait after a round trip, ${backlog} may`, pending() === backlog);
    for (const { outcome } of all) {
      if (outcome === undefined) continue;
      must(`the others are refused: ${String(outcome.error)}`, codeOf(outcome) === "ECONNREFUSED");
      must("the error says why, and that somebody else may be asked", String(outcome.error).includes(`${backlog} dials wait`) && (outcome.error as AstraError).retryable);
      must(`at once, not after ${outcome.at - began} ms`, outcome.at - began <= roundTripMs + 1);
    }
    const taken = follow(world, listener.accept());
    await world.run(roundTripMs);
    must("whoever is taken is one of those that wait", taken.outcome?.value !== undefined && pending() === backlog - 1);
    const [next, late] = [dial(), dial()];
    await world.run(roundTripMs + 5);
    must(`who is taken makes room for one: ${String(late.outcome?.error)}`, next.outcome === undefined && codeOf(late.outcome) === "ECONNREFUSED");
    await throughout(world, began + timeoutMs - 1 - world.now, "those that wait go on waiting", () => pending() === backlog - 1);
    await world.run(2);
    must(`none hangs past the time-out of its dial; ${pending()} do`, pending() === 0);
    const timedOut = all.filter(({ outcome }) => codeOf(outcome) === "ETIMEDOUT");
    must(`${timedOut.length} have timed out`, timedOut.length === backlog - 1 && timedOut.every(({ outcome }) => outcome!.at - began >= timeoutMs));
    await world.run(roundTripMs);
    // `next` was dialled later, and waits alone now.
    const again = Array.from({ length: backlog }, dial);
    await world.run(roundTripMs + 5);
    const refused = again.filter(({ outcome }) => codeOf(outcome) === "ECONNREFUSED").length;
    must(`those that were given up have made room: ${refused} of ${backlog} new ones were refused`, refused === 1);
    await world.settle(running.end(new Uint8Array(7)), 1000);
    must("what else runs over the circuit goes on", (await world.settle(running.read(), 1000))?.length === 7);
  },
};
