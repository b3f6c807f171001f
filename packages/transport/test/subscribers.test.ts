import { Subscribers } from "@astranet/transport";
import { describe, expect, it } from "vitest";

describe("subscribers", () => {
  it("are told in the order in which they came, each once, until they take it back", () => {
    const all = new Subscribers<[string, number]>();
    const told: unknown[] = [];
    const first = (...args: [string, number]): void => void told.push(["first", ...args]);
    const ends = [all.add(first), all.add((...args) => told.push(["second", ...args])), all.add(first)];
    expect(all.size).toBe(2);
    all.tell("a", 1);
    ends[0]!();
    all.tell("b", 2);
    all.clear();
    all.tell("c", 3);
    expect(told).toEqual([["first", "a", 1], ["second", "a", 1], ["second", "b", 2]]);
  });

  it("that go while others are told are not told any more, and those that come are told from the next time on", () => {
    const all = new Subscribers<[number]>();
    const told: unknown[] = [];
    all.add((n) => {
      end();
      if (n === 1) all.add((later) => told.push(["late", later]));
    });
    const end = all.add((n) => told.push(["gone", n]));
    all.tell(1);
    all.tell(2);
    expect(told).toEqual([["late", 2]]);
  });

  it("stop at one that throws, unless somebody takes what it throws", () => {
    const error = new Error("mine");
    const failures: unknown[] = [];
    for (const all of [new Subscribers<[]>(), new Subscribers<[]>((failure) => failures.push(failure))]) {
      let told = 0;
      all.add(() => {
        throw error;
      });
      all.add(() => (told += 1));
      try {
        all.tell();
      } catch (thrown) {
        failures.push("thrown", thrown);
      }
      failures.push(told);
    }
    expect(failures).toEqual(["thrown", error, 0, error, 1]);
  });
});
