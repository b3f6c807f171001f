import { describe, expect, it } from "vitest";
import { HealthCheck } from "../src/health-check.ts";
import { HandClock, makeView } from "./support/world.ts";

/** Lets promises that were settled be noticed. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

describe("a service with a health check", () => {
  it("is offered while the check says that it is well, and is asked every five seconds", async () => {
    const { directory, clock } = makeView(1);
    const answers: (boolean | Error)[] = [true, false, false, new Error("no"), true];
    let asked = 0;
    directory.publish({
      name: "web",
      port: 80,
      weight: 7,
      check: () => {
        const answer = answers[asked++] ?? true;
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    const seen: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      clock.advance(i === 0 ? 0 : 5000);
      await settle();
      seen.push(directory.services()[0]?.weight ?? 0);
    }
    expect([asked, seen]).toEqual([5, [7, 0, 0, 0, 7]]);
  });

  it("is offered at once, before the first check", () => {
    const { directory } = makeView(1);
    directory.publish({ name: "web", port: 80, check: () => false });
    expect(directory.services()).toHaveLength(1);
  });

  it("is not well while a check has not answered when the next is due, and no second one is asked meanwhile", async () => {
    const { directory, clock } = makeView(1);
    const answers: ((well: boolean) => void)[] = [];
    directory.publish({ name: "web", port: 80, checkIntervalMs: 100, check: () => new Promise<boolean>((resolve) => answers.push(resolve)) });
    clock.advance(99);
    expect(directory.services()).toHaveLength(1);
    clock.advance(1);
    expect(directory.services()).toEqual([]);
    clock.advance(1000);
    expect(answers).toHaveLength(1);
    answers[0]!(true);
    await settle();
    expect(directory.services()).toHaveLength(1);
    clock.advance(100);
    expect(answers).toHaveLength(2);
  });

  it("is not well when its check rejects", async () => {
    const { directory, clock } = makeView(1);
    directory.publish({ name: "web", port: 80, check: () => Promise.reject(new Error("no")) });
    clock.advance(0);
    await settle();
    expect(directory.services()).toEqual([]);
  });

  it("stays drained when it is well, and keeps its new weight for when it is well again", async () => {
    const { directory, clock } = makeView(1);
    let well = true;
    const web = directory.publish({ name: "web", port: 80, checkIntervalMs: 100, check: () => well });
    web.drain();
    clock.advance(0);
    await settle();
    expect(directory.services()).toEqual([]);
    well = false;
    clock.advance(100);
    await settle();
    web.update({ weight: 9 });
    expect(directory.services()).toEqual([]);
    well = true;
    clock.advance(100);
    await settle();
    expect(directory.services()).toMatchObject([{ weight: 9 }]);
  });

  it("is asked no more when it is withdrawn, or its directory closed, and an answer under way changes nothing", async () => {
    const { directory, clock, store } = makeView(1);
    let asked = 0;
    const answers: ((well: boolean) => void)[] = [];
    const check = (): Promise<boolean> => {
      asked += 1;
      return new Promise((resolve) => answers.push(resolve));
    };
    const web = directory.publish({ name: "web", port: 80, check });
    directory.publish({ name: "echo", port: 81, check });
    clock.advance(0);
    web.withdraw();
    directory.close();
    const before = store.get(store.self, 0x0200);
    for (const answer of answers) answer(false);
    await settle();
    clock.advance(60_000);
    expect(asked).toBe(2);
    expect(store.get(store.self, 0x0200)).toBe(before);
    expect(clock.pending).toBe(0);
  });

  it("is not even asked once when it is withdrawn in the tick in which it was published", () => {
    const { directory, clock } = makeView(1);
    let asked = 0;
    directory.publish({ name: "web", port: 80, check: () => (asked += 1) > 0 }).withdraw();
    clock.advance(60_000);
    expect([asked, clock.pending]).toEqual([0, 0]);
  });

  it("is asked no more when it is withdrawn between two checks", async () => {
    const { directory, clock } = makeView(1);
    let asked = 0;
    const web = directory.publish({ name: "web", port: 80, check: () => (asked += 1) > 0 });
    clock.advance(0);
    await settle();
    web.withdraw();
    clock.advance(60_000);
    expect([asked, clock.pending]).toEqual([1, 0]);
  });

  it("says which interval is none", () => {
    const { directory } = makeView(1);
    expect(() => directory.publish({ name: "web", port: 80, checkIntervalMs: -5 })).toThrow(/EINVAL: checkIntervalMs .* not -5/);
  });
});

describe("a health check", () => {
  it("tells of changes alone, and counts for well at first", async () => {
    const clock = new HandClock();
    const answers = [true, true, false, false, true];
    const told: (readonly [number, boolean])[] = [];
    new HealthCheck({ clock, intervalMs: 100, check: () => answers.shift() ?? true, changed: (well) => told.push([clock.now(), well]) });
    for (let i = 0; i < 6; i += 1) {
      clock.advance(i === 0 ? 0 : 100);
      await settle();
    }
    expect(told).toEqual([
      [200, false],
      [400, true],
    ]);
  });
});
