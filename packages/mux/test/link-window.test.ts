import { describe, expect, it } from "vitest";
import { LinkCredit } from "../src/flow/link-credit.ts";

const MiB = 1_048_576;
const LEAST = 524_288;
const MAX = 16 * MiB;

interface Link {
  readonly credit: LinkCredit;
  /** Half of the window comes within `elapsedMs`, and round trips are by `longerMs` longer than twice the shortest. */
  use(longerMs: number, elapsedMs?: number): number;
}

/** A link whose shortest round trip was `minRttMs`. All times are sums of powers of two. */
function link(window: number, minRttMs: number): Link {
  const credit = new LinkCredit(window, MAX);
  let received = 0;
  let now = 0;
  let samples = 0;
  return {
    credit,
    use(longerMs, elapsedMs = 0) {
      received += credit.window / 2;
      now += elapsedMs;
      samples += 1;
      credit.grant(received, now, { rttMs: 2 * minRttMs + longerMs, minRttMs, samples });
      return credit.window;
    },
  };
}

describe("credit for a link", () => {
  it("is due when half of the window came since the last grant, and worth its frame from a quarter on", () => {
    const { credit } = link(MiB, 8);
    const trips = { rttMs: undefined, minRttMs: Infinity, samples: 0 };
    for (const granted of [0, 600_000]) {
      credit.grant(granted, 0, trips);
      expect([granted + MiB / 4 - 1, granted + MiB / 4].map((received) => credit.isWorthwhile(received))).toEqual([false, true]);
      expect([granted + MiB / 2 - 1, granted + MiB / 2].map((received) => credit.isDue(received))).toEqual([false, true]);
      expect(credit.limit).toBe(granted + MiB);
    }
  });

  it("stays granted where the window has shrunk since", () => {
    const { credit, use } = link(2 * MiB, 0.125);
    expect(use(1)).toBe(MiB);
    expect(credit.limit).toBe(2 * MiB);
    use(1);
    expect(credit.limit).toBe(2 * MiB);
  });
});

describe("the window of a link", () => {
  it("doubles where half of it came within two round trips, up to its maximum", () => {
    const far = link(4 * MiB, 8);
    expect(far.use(0, 32)).toBe(4 * MiB);
    expect(far.use(0, 31)).toBe(8 * MiB);
    expect(far.use(0, 31)).toBe(MAX);
    expect(far.use(0, 31)).toBe(MAX);
    expect(link(MAX - 1, 8).use(0)).toBe(MAX);
  });

  it("changes once for each round trip that was measured, and not before the first", () => {
    const { credit } = link(MiB, 8);
    credit.grant(MiB, 0, { rttMs: undefined, minRttMs: Infinity, samples: 0 });
    expect(credit.window).toBe(MiB);
    for (const [received, expected] of [[2, 2], [4, 2], [6, 2]] as const) {
      credit.grant(received * MiB, 0, { rttMs: 8, minRttMs: 8, samples: 1 });
      expect(credit.window).toBe(expected * MiB);
    }
    credit.grant(8 * MiB, 0, { rttMs: 8, minRttMs: 8, samples: 2 });
    expect(credit.window).toBe(4 * MiB);
  });

  it("stops growing where round trips are by more than 0.5 ms longer, and never shrinks on a long way", () => {
    expect(link(MiB, 8).use(0.5)).toBe(2 * MiB);
    expect(link(MiB, 8).use(0.5625)).toBe(MiB);
    expect(link(MiB, 8).use(100)).toBe(MiB);
    expect(link(MiB, 1).use(0.5), "a way of 1 ms is long").toBe(2 * MiB);
  });

  it("on a short way grows up to 0.1 ms, shrinks from 0.25 ms on, and stays between", () => {
    expect(link(MiB, 0.125).use(0.0625)).toBe(2 * MiB);
    expect(link(MiB, 0.125).use(0.125)).toBe(MiB);
    expect(link(MiB, 0.125).use(0.25)).toBe(MiB);
    expect(link(2 * MiB, 0.125).use(0.3125)).toBe(MiB);
    expect(link(2 * MiB, 0.96875).use(0.3125), "a way of less than 1 ms is short").toBe(MiB);
  });

  it("shrinks to 512 KiB, no further", () => {
    expect(link(LEAST + 2, 0.125).use(1)).toBe(LEAST);
    expect(link(LEAST, 0.125).use(1)).toBe(LEAST);
    expect(link(LEAST / 2, 0.125).use(1), "a window that was less to begin with stays").toBe(LEAST / 2);
  });
});
