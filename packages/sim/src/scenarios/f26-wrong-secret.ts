import type { RouterOptions } from "@astranet/router";
import { AstraError } from "@astranet/transport";
import type { SimNode } from "../node/sim-node.ts";
import { cast, codeOf, follow, isLinked, link } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
const rttMs = 2 * latencyMs;
const ours = "the secret that members know";
const wrong = "what somebody else made up";
/** X25519's secret keys. */
const keyBytes = 32;

/** Who does not know the secret asks to be linked. */
export const wrongSecret: Scenario = {
  id: "F26",
  title: "somebody has another secret, or none",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    let keysDrawn = 0;
    // To compute any shared secret, the end that is dialled has to draw a key first: where it draws none, it computes none.
    const counting = (options: RouterOptions): RouterOptions => ({ ...options, random: (length) => ((keysDrawn += length === keyBytes ? 1 : 0), options.random!(length)) });
    const { r } = cast(world, ["r"], { secrets: [ours], tampering: { routerOptions: counting } });
    const { member, former } = cast(world, ["member", "former"], { secrets: [ours] });
    link([member, r]);
    await within(world, 1000, "a member is linked", () => isLinked(member, r) && isLinked(r, member));
    must("a key is drawn for a member", keysDrawn === 1);
    // An event for each link that came to nothing is all that a node says: how many they can be, its limits of handshakes say.
    const told: unknown[] = [];
    r.running.router.subscribe((event) => {
      if (event.type === "linkerror") told.push(event.error);
    });
    for (const [i, secrets] of [[wrong], [], [wrong, `${wrong}!`]].entries()) await turnedAway(i, secrets);
    must("no key was drawn for any of them", keysDrawn === 1);
    must("the member has heard nothing of it", isLinked(member, r) && isLinked(r, member));

    // Who was a member once goes on asking, more and more rarely: its owner may yet be given the new secret.
    link([former, r]);
    await within(world, 1000, "who is to be a former member is linked", () => isLinked(former, r));
    await world.run(15_000);
    r.crash();
    r.secrets = ["a secret that only some were told"];
    r.start();
    const attempts: number[] = [];
    former.running.router.subscribe((event) => {
      if (event.type === "joinerror" && AstraError.is(event.error, "EACCES")) attempts.push(world.now);
    });
    await world.run(120_000);
    // Delays of up to 0.5, 1, 2, … 30 s: 0.25 + … + 8 s in the mean are over after 16 s, and about one in 15 s follows.
    must(`it asks again with the usual back-off: ${attempts.length} times in two minutes`, attempts.length >= 3 && attempts.length <= 40);
    must("less and less often", attempts.filter((at) => at > world.now - 60_000).length <= attempts.length / 2 + 1);
    must("and is not linked", !isLinked(former, r));
    r.crash();
    r.secrets = [ours];
    r.start();
    await within(world, 31_000, "it is linked again when it may be", () => isLinked(former, r));
    await within(world, 31_000, "so is the other one", () => isLinked(member, r));
    await world.run(2000);
    await world.quiet();

    async function turnedAway(i: number, secrets: readonly string[]): Promise<void> {
      const { stranger }: { stranger: SimNode } = cast(world, ["stranger"], { secrets, host: `stranger-${i}` });
      const before = told.length;
      const began = world.now;
      const joined = follow(world, stranger.running.router.join("sim", r.address));
      // One round trip for the connection, one for each secret that is tried.
      const boundMs = rttMs * (1 + Math.max(secrets.length, 1));
      await within(world, boundMs, "the join fails", () => joined.outcome !== undefined);
      must(`it fails with EACCES: ${String(joined.outcome?.error)}`, codeOf(joined.outcome) === "EACCES");
      must(`within a round trip: ${joined.outcome!.at - began} ms`, joined.outcome!.at - began <= boundMs);
      await world.run(60_000);
      must("whose join failed for good does not ask again", told.length === before + 1);
      must(`the node says once why: ${String(told[before])}`, AstraError.is(told[before], "EACCES"));
      must("it has no link", r.running.router.links.length === 1);
      await world.settle(stranger.stop(), 10_000);
    }
  },
};
