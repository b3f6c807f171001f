import { Violation } from "../violation.ts";
import type { World } from "../world.ts";

/** Throws unless it is so. */
export function must(what: string, is: boolean): void {
  if (!is) throw new Violation("outcome", `not so: ${what}`);
}

/** Lets time pass until it is so; throws when that takes longer than `ms`. Gives how long it took. */
export async function within(world: World, ms: number, what: string, is: () => boolean): Promise<number> {
  const began = world.now;
  if (!(await world.runUntil(is, ms))) throw new Violation("outcome", `not within ${ms} ms: ${what}`);
  return world.now - began;
}

/** As `within`, looked at every `everyMs` only: after each event, of which a large network has very many, it would take most of the time. */
export async function withinAbout(world: World, ms: number, everyMs: number, what: string, is: () => boolean): Promise<void> {
  for (const until = world.now + ms; !is(); ) {
    must(`within ${ms} ms: ${what}`, world.now < until);
    await world.run(everyMs);
  }
}

/** Lets `ms` pass, during all of which it must be so. */
export async function throughout(world: World, ms: number, what: string, is: () => boolean): Promise<void> {
  const until = world.now + ms;
  if (await world.runUntil(() => !is(), ms)) throw new Violation("outcome", `not so any more, ${Math.round(until - world.now)} ms too early: ${what}`);
}
