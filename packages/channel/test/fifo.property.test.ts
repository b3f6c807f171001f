import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "../src/queue/fifo.ts";

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("push" as const), count: fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(700, 1500)) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("shift" as const), count: fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(700, 1500)) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), at: fc.oneof(fc.integer({ min: -1, max: 3 }), fc.nat({ max: 2000 })) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drain" as const) }) },
);

describe("a queue", () => {
  it("is a list of which the first goes first, however many came and went", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [queue, list]: [Fifo<number>, number[]] = [new Fifo<number>(), []];
        let pushed = 0;
        for (const each of steps) {
          if (each.do === "push") {
            for (let i = 0; i < each.count; i += 1) {
              queue.push((pushed += 1));
              list.push(pushed);
            }
          } else if (each.do === "shift") expect(Array.from({ length: each.count }, () => queue.shift())).toEqual(Array.from({ length: each.count }, () => list.shift()));
          else if (each.do === "drain") expect(queue.drain()).toEqual(list.splice(0));
          else {
            // One that is not in it, too.
            queue.delete(list[each.at] ?? -1);
            if (each.at >= 0) list.splice(each.at, 1);
          }
          expect([queue.length, queue.first]).toEqual([list.length, list[0]]);
        }
        expect([...queue]).toEqual(list);
      }),
      { numRuns: 100 },
    );
  });
});
