import type { Clock } from "@astranet/transport";

/** Resolves to the order in which a clock's three deferrals, a microtask and the current tick run. */
export async function deferralOrder(clock: Clock): Promise<string[]> {
  const events: string[] = [];
  for (const name of ["first", "second", "third"]) clock.defer(() => events.push(name));
  const last = new Promise<void>((resolve) => {
    clock.defer(resolve);
  });
  void Promise.resolve().then(() => events.push("microtask"));
  events.push("now");
  await last;
  return events;
}
