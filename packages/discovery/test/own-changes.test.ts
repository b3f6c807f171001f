import { describe, expect, it } from "vitest";
import { OwnChanges } from "../src/replication/own-changes.ts";
import { HandClock } from "./support/world.ts";

function makeChanges(): { clock: HandClock; changes: OwnChanges; told: (readonly [number, readonly number[]])[] } {
  const clock = new HandClock();
  const told: (readonly [number, readonly number[]])[] = [];
  return { clock, told, changes: new OwnChanges(clock, (slots) => told.push([clock.now(), slots])) };
}

describe("a node's own changes", () => {
  it("of one tick are told together, each slot once", () => {
    const { clock, changes, told } = makeChanges();
    for (const slot of [0x0200, 0x0201, 0x0200, 0x0001]) changes.changed(slot);
    expect([told, clock.pending]).toEqual([[], 1]);
    clock.advance(0);
    expect(told).toEqual([[0, [0x0200, 0x0201, 0x0001]]]);
  });

  it("beyond a hundred wait a second, together, and then ten a second are told at once again", () => {
    const { clock, changes, told } = makeChanges();
    for (let i = 0; i < 100; i += 1) {
      changes.changed(0x0200);
      clock.advance(0);
    }
    expect(told).toHaveLength(100);
    for (const slot of [0x0200, 0x0201, 0x0200]) {
      changes.changed(slot);
      clock.advance(10);
    }
    clock.advance(500);
    // By now some could be told again; but they wait for each other.
    changes.changed(0x0201);
    clock.advance(469);
    expect(told).toHaveLength(100);
    clock.advance(1);
    expect(told.slice(100)).toEqual([[1000, [0x0200, 0x0201]]]);
    for (let i = 0; i < 11; i += 1) {
      changes.changed(0x0200);
      clock.advance(0);
    }
    expect(told).toHaveLength(111);
    clock.advance(1000);
    expect(told.slice(111)).toEqual([[2000, [0x0200]]]);
  });

  it("of one kind do not hold back those of another", () => {
    const { clock, changes, told } = makeChanges();
    for (let i = 0; i < 150; i += 1) {
      changes.changed(0x0200);
      clock.advance(0);
    }
    told.length = 0;
    changes.changed(0x0100);
    changes.changed(0x0201);
    clock.advance(0);
    expect(told).toEqual([[0, [0x0100]]]);
  });

  it("are told no more once it is closed", () => {
    const { clock, changes, told } = makeChanges();
    for (let i = 0; i < 101; i += 1) {
      changes.changed(0x0200);
      clock.advance(0);
    }
    changes.changed(0x0201);
    changes.close();
    clock.advance(5000);
    expect([told.length, clock.pending]).toEqual([100, 0]);
  });
});
