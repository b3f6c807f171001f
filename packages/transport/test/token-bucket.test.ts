import { TokenBucket } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

/** How many can be taken at once. */
function takeAll(bucket: TokenBucket): number {
  let taken = 0;
  while (taken < 1_000 && bucket.tryTake()) taken += 1;
  return taken;
}

describe("TokenBucket", () => {
  it("starts full, and gives no more than its burst at once", () => {
    const clock = new VirtualClock();
    clock.advance(12_345);
    expect(takeAll(new TokenBucket(clock, 5, 10))).toBe(5);
  });

  it("is refilled at its rate, one token when its time is full and not before", () => {
    const clock = new VirtualClock();
    clock.advance(700);
    const bucket = new TokenBucket(clock, 5, 10);
    takeAll(bucket);
    clock.advance(99);
    expect(bucket.tryTake()).toBe(false);
    clock.advance(1);
    expect(takeAll(bucket)).toBe(1);
    clock.advance(300);
    expect(takeAll(bucket)).toBe(3);
  });

  it("counts the time since it was last asked, not since it was made", () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 5, 10);
    takeAll(bucket);
    for (let i = 0; i < 4; i += 1) {
      clock.advance(50);
      expect(bucket.tryTake()).toBe(i % 2 === 1);
    }
  });

  it("holds no more than its burst after a long rest", () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 3, 1_000);
    clock.advance(60_000);
    expect(takeAll(bucket)).toBe(3);
  });

  it("lends what it does not have, and says how long the debt takes", () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 100, 500);
    expect(bucket.take(60)).toBe(0);
    expect(bucket.take(40)).toBe(0);
    expect(bucket.take(30)).toBe(60);
    clock.advance(20);
    expect(bucket.take(0)).toBe(40);
    expect(bucket.tryTake()).toBe(false);
    clock.advance(40);
    expect(bucket.take(0)).toBe(0);
    expect(bucket.take(250)).toBe(500);
  });

  it("takes back what was not used, but not above its burst", () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 3, 0.001);
    takeAll(bucket);
    bucket.give();
    bucket.give();
    expect(takeAll(bucket)).toBe(2);
    for (let i = 0; i < 10; i += 1) bucket.give();
    expect(takeAll(bucket)).toBe(3);
  });

  it("sets no timer", () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 1, 1);
    bucket.take(10);
    expect(clock.timersSet + clock.deferred).toBe(0);
  });
});
