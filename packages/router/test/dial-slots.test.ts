import { describe, expect, it } from "vitest";
import { DialSlots } from "../src/link/dial-slots.ts";
import { outcome } from "./support/network.ts";

describe("dial slots", () => {
  const never = new AbortController().signal;

  /** So many takers, and who of them had a turn. */
  function takers(slots: DialSlots, signals: readonly AbortSignal[]): { turns: number[]; taken: Promise<void>[] } {
    const turns: number[] = [];
    const taken = signals.map((signal, i) => slots.take(signal).then(() => void turns.push(i)));
    for (const each of taken) each.catch(() => undefined);
    return { turns, taken };
  }

  it("are given in the order in which they were asked for, so many at once", async () => {
    const slots = new DialSlots(2);
    const { turns, taken } = takers(slots, [never, never, never, never]);
    expect([await outcome(taken[1]!), await outcome(taken[2]!), turns]).toEqual([undefined, "pending", [0, 1]]);
    slots.give();
    expect([await outcome(taken[2]!), await outcome(taken[3]!), turns]).toEqual([undefined, "pending", [0, 1, 2]]);
    for (let i = 0; i < 3; i += 1) slots.give();
    expect([await outcome(taken[3]!), turns]).toEqual([undefined, [0, 1, 2, 3]]);
    // All are free again, and no more than there were.
    const again = takers(slots, [never, never, never]);
    expect([await outcome(again.taken[1]!), await outcome(again.taken[2]!)]).toEqual([undefined, "pending"]);
  });

  it("pass by who has given up, and he learns why", async () => {
    const slots = new DialSlots(1);
    const [second, third] = [new AbortController(), new AbortController()];
    const { turns, taken } = takers(slots, [never, second.signal, third.signal, never]);
    const reason = new Error("enough");
    second.abort(reason);
    expect([await outcome(taken[1]!), await outcome(slots.take(second.signal))]).toEqual([reason, reason]);
    slots.give();
    expect([await outcome(taken[2]!), turns]).toEqual([undefined, [0, 2]]);
    // Whoever has had a turn holds his slot, whatever becomes of his signal, until he gives it back.
    third.abort(reason);
    expect(await outcome(taken[3]!)).toBe("pending");
    slots.give();
    expect([await outcome(taken[3]!), turns]).toEqual([undefined, [0, 2, 3]]);
  });
});
