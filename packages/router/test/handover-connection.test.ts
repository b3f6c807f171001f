import { describe, expect, it } from "vitest";
import { memoryPair, type ConnectionSink } from "@astranet/transport";
import { HandoverConnection } from "../src/link/handover-connection.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

function recorder(): { log: (number[] | string)[]; sink: ConnectionSink } {
  const log: (number[] | string)[] = [];
  return { log, sink: { data: (chunk) => log.push([...chunk]), drain: () => log.push("drain"), closed: (reason) => log.push(reason === undefined ? "closed" : "broken") } };
}

describe("HandoverConnection", () => {
  it("gives its owner what was not taken, then what follows, then the end, in order and never inside start", async () => {
    const clock = new VirtualClock();
    const [left, right] = memoryPair({ clock });
    let changes = 0;
    const handover = new HandoverConnection(left, clock, () => (changes += 1));
    right.start(recorder().sink);
    right.send([Uint8Array.of(1, 2)]);
    await clock.settle();
    right.send([Uint8Array.of(3, 4, 5)]);
    await clock.settle();
    expect(changes).toBe(2);
    expect([...handover.peek(2)]).toEqual([1, 2]);
    expect([...handover.peek(4)]).toEqual([1, 2, 3, 4]);
    handover.take(3);
    expect([...handover.peek(9)]).toEqual([4, 5]);
    const { log, sink } = recorder();
    handover.start(sink);
    expect(log).toEqual([]);
    right.send([Uint8Array.of(6)]);
    await clock.settle();
    right.close();
    handover.close();
    await clock.settle();
    expect(log).toEqual([[4, 5], [6], "closed"]);
    expect(changes).toBe(2);
  });

  it("gives the end that came before its owner, after the bytes that did", async () => {
    const clock = new VirtualClock();
    const [left, right] = memoryPair({ clock });
    const handover = new HandoverConnection(left, clock, () => undefined);
    right.start(recorder().sink);
    right.send([Uint8Array.of(1)]);
    await clock.settle();
    right.abort();
    await clock.settle();
    expect(handover.over).toBeDefined();
    const { log, sink } = recorder();
    handover.start(sink);
    await clock.settle();
    expect(log).toEqual([[1], "broken"]);
  });

  it("says that it ended where nothing was left over, whenever that was", async () => {
    for (const when of ["before", "between", "after"]) {
      const clock = new VirtualClock();
      const [left, right] = memoryPair({ clock });
      const handover = new HandoverConnection(left, clock, () => undefined);
      expect([handover.localAddress, handover.remoteAddress, handover.peek(9).length]).toEqual([left.localAddress, left.remoteAddress, 0]);
      right.start(recorder().sink);
      right.send([Uint8Array.of(1, 2)]);
      await clock.settle();
      handover.take(2);
      expect(handover.over).toBeUndefined();
      const { log, sink } = recorder();
      if (when === "before") right.abort();
      if (when === "before") await clock.settle();
      if (when === "between") right.abort();
      handover.start(sink);
      expect(log).toEqual([]);
      await clock.settle();
      if (when === "after") right.abort();
      await clock.settle();
      expect(log, when).toEqual(["broken"]);
    }
  });

  it("gives what comes, and the end, while its owner is about to begin", async () => {
    const clock = new VirtualClock();
    const [left, right] = memoryPair({ clock });
    let changes = 0;
    const handover = new HandoverConnection(left, clock, () => (changes += 1));
    right.start(recorder().sink);
    right.send([Uint8Array.of(1, 2, 3)]);
    await clock.settle();
    handover.take(1);
    const { log, sink } = recorder();
    right.send([Uint8Array.of(4)]);
    right.abort();
    handover.start(sink);
    await clock.settle();
    expect([log, changes]).toEqual([[[2, 3], [4], "broken"], 1]);
  });

  it("passes on that there is room again", async () => {
    const clock = new VirtualClock();
    const [left, right] = memoryPair({ clock });
    const handover = new HandoverConnection(left, clock, () => undefined);
    const { log, sink } = recorder();
    handover.start(sink);
    expect(handover.send([new Uint8Array(1_000_000)])).toBe(false);
    await clock.settle();
    expect(log).toEqual([]);
    right.start(recorder().sink);
    await clock.settle();
    expect(log).toEqual(["drain"]);
  });

  it("keeps nothing of what comes once it has an owner", async () => {
    const clock = new VirtualClock();
    const [left, right] = memoryPair({ clock });
    const handover = new HandoverConnection(left, clock, () => undefined);
    right.start(recorder().sink);
    right.send([Uint8Array.of(1)]);
    await clock.settle();
    handover.start(recorder().sink);
    await clock.settle();
    right.send([Uint8Array.of(2)]);
    await clock.settle();
    expect(handover.peek(9)).toHaveLength(0);
  });
});
