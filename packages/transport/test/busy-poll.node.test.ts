import { describe, expect, it } from "vitest";
import { BusyPoll } from "../src/node/busy-poll.ts";
import { LoopPoller } from "../src/node/loop-poller.ts";

/** As all times here a sum of powers of two, so that sums are exact. */
const LIMIT_MS = 0.25;

/** An event loop whose turns are made by hand. */
class Loop {
  time = 0;
  #next: (() => void)[] = [];
  readonly poller: LoopPoller = new LoopPoller({ now: () => this.time, defer: (callback) => this.#next.push(callback) });

  /** It would not sleep now. */
  get awake(): boolean {
    return this.#next.length > 0;
  }

  /** `ms` pass, and what is due runs. */
  pass(ms: number): void {
    this.time += ms;
    for (const callback of this.#next.splice(0)) callback();
  }
}

function answers(loop: Loop, poll: BusyPoll, count: number, afterMs: number): void {
  for (let i = 0; i < count; i++) {
    poll.sent();
    loop.pass(afterMs);
    poll.received();
  }
}

describe("An event loop", () => {
  it("sleeps until sixteen answers in a row have come in time, then waits awake", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    answers(loop, poll, 15, LIMIT_MS);
    expect(loop.awake).toBe(false);
    answers(loop, poll, 1, LIMIT_MS);
    expect(loop.awake).toBe(true);
  });

  it("waits for the limit after the last send or read, no longer", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    answers(loop, poll, 16, 0);
    loop.pass(LIMIT_MS / 2);
    poll.sent();
    loop.pass(LIMIT_MS / 2);
    expect(loop.awake).toBe(true);
    loop.pass(LIMIT_MS / 2);
    expect(loop.awake).toBe(false);
  });

  it("waits awake again after the next send once it has slept, where answers were quick", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    answers(loop, poll, 20, 0.1);
    loop.pass(1_000);
    expect(loop.awake).toBe(false);
    poll.sent();
    expect(loop.awake).toBe(true);
  });

  it("turns once for each look, however many connections poll", () => {
    let looks = 0;
    const poller = new LoopPoller({ now: () => 0, defer: () => looks++ });
    poller.poll(0, 1);
    poller.poll(0, 2);
    expect(looks).toBe(1);
  });

  it("keeps to the latest of the times that connections wait until", () => {
    const loop = new Loop();
    loop.poller.poll(0, 1);
    loop.poller.poll(0, 0.5);
    loop.pass(0.5);
    loop.pass(0.25);
    expect(loop.awake).toBe(true);
    loop.pass(0.25);
    expect(loop.awake).toBe(false);
  });

  it("pauses where somebody else had the processor between two looks, for longer each time", () => {
    const loop = new Loop();
    for (const pauseMs of [5, 10, 20, 40, 80, 160, 320, 320]) {
      loop.poller.poll(loop.time, 10);
      loop.pass(0);
      loop.pass(1);
      expect(loop.awake).toBe(false);
      loop.time += pauseMs - 0.5;
      loop.poller.poll(loop.time, 10);
      expect(loop.awake, `after ${String(pauseMs - 0.5)} ms`).toBe(false);
      loop.time += 0.5;
    }
  });

  it("makes the next pause short again after it polled for 50 ms without one", () => {
    const loop = new Loop();
    const preempt = (): void => {
      loop.poller.poll(loop.time, 10);
      loop.pass(0);
      loop.pass(1);
    };
    preempt();
    loop.time += 5;
    preempt();
    loop.time += 10 + 51;
    preempt();
    loop.time += 5;
    loop.poller.poll(loop.time, 10);
    expect(loop.awake).toBe(true);
  });

  it("takes its own work between two looks for no loss of the processor", () => {
    const loop = new Loop();
    loop.poller.poll(0, 10);
    loop.pass(0);
    loop.time = 3;
    loop.poller.poll(3, 10);
    loop.pass(0);
    expect(loop.awake).toBe(true);
    loop.pass(0.5);
    expect(loop.awake).toBe(true);
  });

  it("sleeps again where more than one answer in five is late, and not where fewer are", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    answers(loop, poll, 100, 0.1);
    for (let i = 0; i < 20; i++) {
      answers(loop, poll, 4, 0.1);
      answers(loop, poll, 1, 1);
    }
    expect(loop.awake).toBe(true);
    for (let i = 0; i < 20; i++) {
      answers(loop, poll, 3, 0.1);
      answers(loop, poll, 1, 1);
    }
    expect(loop.awake).toBe(false);
  });

  it("counts an answer in two pieces once", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    for (let i = 0; i < 15; i++) {
      answers(loop, poll, 1, 0);
      poll.received();
    }
    expect(loop.awake).toBe(false);
  });

  it("does not make up for late answers of long ago", () => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    answers(loop, poll, 1_000, 1);
    answers(loop, poll, 16, 0.1);
    expect(loop.awake).toBe(true);
  });

  it.each(["sent", "received"] as const)("sleeps while bulk is %s, and takes two pieces for an answer", (what) => {
    const loop = new Loop();
    const poll = new BusyPoll(LIMIT_MS, loop.poller);
    for (let i = 0; i < 20; i++) {
      answers(loop, poll, 1, 0.1);
      poll[what]();
    }
    expect(loop.awake).toBe(true);
    loop.pass(1_000);
    for (let i = 0; i < 3; i++) poll[what]();
    loop.pass(LIMIT_MS);
    poll[what]();
    expect(loop.awake).toBe(false);
  });
});
