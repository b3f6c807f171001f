import { AstraError, type Connection } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { Process, SeededRandom, SimTransport, Timeline, Trace, Network, type PathConditions, type SimConnection } from "@astranet/sim";

interface End {
  readonly connection: SimConnection;
  readonly received: { at: number; text: string }[];
  drains: number;
  closed: { reason: unknown } | undefined;
}

/** Two processes on two hosts, and a connection between them. */
class Pair {
  readonly timeline = new Timeline();
  readonly trace = new Trace();
  readonly network: Network;
  readonly near: Process;
  readonly far: Process;
  a!: End;
  b!: End;
  #accepted = 0;

  constructor(conditions: Partial<PathConditions> = {}) {
    this.network = new Network({ timeline: this.timeline, random: new SeededRandom(7), trace: this.trace, conditions: { latencyMs: 10, ...conditions } });
    this.near = new Process(this.timeline, "near", 0);
    this.far = new Process(this.timeline, "far", 1);
  }

  async connect(): Promise<this> {
    await new SimTransport(this.network, this.far, "far").listen("sim", "far:1", {
      onconnection: () => {
        const newest = [...this.network.connections()].at(-1)!;
        const end = this.#end(newest[1]);
        if (this.#accepted++ === 0) this.b = end;
      },
    });
    const dial = new SimTransport(this.network, this.near, "near").dial("sim", "far:1");
    await this.timeline.run(20);
    this.a = this.#end(await dial);
    await this.timeline.run(0);
    return this;
  }

  #end(connection: SimConnection): End {
    const end: End = { connection, received: [], drains: 0, closed: undefined };
    connection.start({
      data: (chunk) => end.received.push({ at: this.timeline.now, text: new TextDecoder().decode(chunk) }),
      drain: () => void (end.drains += 1),
      closed: (reason) => void (end.closed = { reason }),
    });
    return end;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (end: End): string => end.received.map(({ text }) => text).join("");

describe("a simulated connection", () => {
  it("takes a round trip to make, and its latency to cross", async () => {
    const pair = await new Pair().connect();
    expect(pair.timeline.now).toBe(20);
    pair.a.connection.send([bytes("he"), bytes("llo")]);
    await pair.timeline.run(9.9);
    expect(texts(pair.b)).toBe("");
    await pair.timeline.run(0.2);
    expect(pair.b.received).toEqual([{ at: 30, text: "hello" }]);
  });

  it("keeps the order of what it sends under jitter", async () => {
    const pair = await new Pair({ jitterMs: 50 }).connect();
    await pair.timeline.run(100);
    const sent = Array.from({ length: 200 }, (_, i) => `${i},`);
    for (const text of sent) {
      pair.a.connection.send([bytes(text)]);
      await pair.timeline.run(1);
    }
    await pair.timeline.run(100);
    expect(texts(pair.b)).toBe(sent.join(""));
  });

  it("carries no more than its bandwidth, says when it is full, and when there is room again", async () => {
    const pair = await new Pair({ bytesPerSecond: 100_000 }).connect();
    expect(pair.a.connection.send([new Uint8Array(100_000)])).toBe(true);
    expect(pair.a.connection.send([new Uint8Array(100_000)])).toBe(false);
    await pair.timeline.run(1010);
    const arrived = pair.b.received.reduce((sum, { text }) => sum + text.length, 0);
    expect(arrived).toBeGreaterThan(95_000);
    expect(arrived).toBeLessThanOrEqual(100_000);
    expect(pair.a.drains).toBe(0);
    await pair.timeline.run(1010);
    expect(pair.a.drains).toBe(1);
    expect(pair.b.received.reduce((sum, { text }) => sum + text.length, 0)).toBe(200_000);
  });

  it("delivers what was sent into a blocked path when it is open again, and what goes the other way at once", async () => {
    const pair = await new Pair().connect();
    pair.network.path("near", "far").change({ blocked: true });
    pair.a.connection.send([bytes("late")]);
    pair.b.connection.send([bytes("now")]);
    await pair.timeline.run(60_000);
    expect([texts(pair.a), texts(pair.b)]).toEqual(["now", ""]);
    pair.network.path("near", "far").change({ blocked: false });
    await pair.timeline.run(10);
    expect(texts(pair.b)).toBe("late");
  });

  it("can stall alone, in one direction", async () => {
    const pair = await new Pair().connect();
    pair.a.connection.out.stalled = true;
    pair.a.connection.send([bytes("late")]);
    await pair.timeline.run(1000);
    expect(texts(pair.b)).toBe("");
    pair.a.connection.out.stalled = false;
    await pair.timeline.run(10);
    expect(texts(pair.b)).toBe("late");
  });

  it("may be lost on one side only: the other one learns of it when it sends", async () => {
    const pair = await new Pair().connect();
    pair.a.connection.forget();
    await pair.timeline.run(60_000);
    expect(AstraError.is(pair.a.closed?.reason, "ECONNRESET")).toBe(true);
    expect(pair.b.closed).toBeUndefined();
    pair.b.connection.send([bytes("anybody there?")]);
    await pair.timeline.run(20);
    expect(AstraError.is(pair.b.closed?.reason, "ECONNRESET")).toBe(true);
  });

  for (const [death, told] of [["reset", "ECONNRESET"], ["fin", "nothing"], ["silent", "no end"]] as const) {
    it(`whose process is killed (${death}) ends with ${told} at the other end`, async () => {
      const pair = await new Pair().connect();
      pair.b.connection.death = death;
      pair.far.kill();
      await pair.timeline.run(25);
      const { closed } = pair.a;
      const seen = closed === undefined ? "no end" : closed.reason === undefined ? "nothing" : (closed.reason as AstraError).code;
      expect(seen).toBe(told);
      expect(pair.b.closed).toBeUndefined();
    });
  }

  it("to a host without power gets no answer, and is reset once the host is up again", async () => {
    const pair = await new Pair().connect();
    pair.b.connection.death = "silent";
    pair.far.kill();
    pair.network.setDown("far", true);
    for (const text of ["one", "two", "three"]) {
      pair.a.connection.send([bytes(text)]);
      await pair.timeline.run(5);
    }
    await pair.timeline.run(60_000);
    expect(pair.a.closed).toBeUndefined();
    pair.network.setDown("far", false);
    await pair.timeline.run(20);
    expect(AstraError.is(pair.a.closed?.reason, "ECONNRESET")).toBe(true);
  });

  it("keeps for a paused process what comes, in order, and its kernel accepts meanwhile", async () => {
    const pair = await new Pair().connect();
    pair.far.pause();
    pair.a.connection.send([bytes("one ")]);
    await pair.timeline.run(5000);
    pair.a.connection.send([bytes("two ")]);
    const dial = new SimTransport(pair.network, pair.near, "near").dial("sim", "far:1");
    await pair.timeline.run(5000);
    expect(texts(pair.b)).toBe("");
    expect(await dial).toBeDefined();
    pair.a.connection.send([bytes("three")]);
    pair.far.resume();
    await pair.timeline.run(10);
    expect(texts(pair.b)).toBe("one two three");
  });
});

describe("a simulated dial", () => {
  it("waits in silence for a host behind a blocked path, and gets through when that opens", async () => {
    const pair = await new Pair().connect();
    pair.network.between("near", "far", { blocked: true });
    let made: unknown;
    void new SimTransport(pair.network, pair.near, "near").dial("sim", "far:1").then((connection) => (made = connection));
    await pair.timeline.run(10_000);
    expect(made).toBeUndefined();
    pair.network.between("near", "far", { blocked: false });
    await pair.timeline.run(10_000);
    expect(made).toBeDefined();
  });

  it("gives up as TCP does, after about two minutes", async () => {
    const pair = await new Pair().connect();
    pair.network.between("near", "far", { blocked: true });
    let failure: unknown;
    new SimTransport(pair.network, pair.near, "near").dial("sim", "far:1").catch((error: unknown) => (failure = error));
    await pair.timeline.run(126_000);
    expect(failure).toBeUndefined();
    await pair.timeline.run(2000);
    expect(AstraError.is(failure, "ETIMEDOUT")).toBe(true);
  });

  it("is refused where a process was killed, until another one listens there", async () => {
    const pair = await new Pair().connect();
    pair.far.kill();
    const refused = new SimTransport(pair.network, pair.near, "near").dial("sim", "far:1").catch((error: unknown) => error);
    await pair.timeline.run(20);
    expect(AstraError.is(await refused, "ECONNREFUSED")).toBe(true);
    const next = new Process(pair.timeline, "next", 2);
    const accepted: Connection[] = [];
    await new SimTransport(pair.network, next, "far").listen("sim", "far:1", { onconnection: (connection) => void accepted.push(connection) });
    const dial = new SimTransport(pair.network, pair.near, "near").dial("sim", "far:1");
    await pair.timeline.run(20);
    await dial;
    expect(accepted).toHaveLength(1);
  });
});

describe("a partition", () => {
  it("separates groups of hosts, and ends", () => {
    const { network } = new Pair();
    const hosts = ["a", "b", "c", "d"];
    const reaches = (): string[] => hosts.flatMap((from) => hosts.filter((to) => from < to && !network.path(from, to).conditions.blocked).map((to) => from + to));
    network.partition([["a", "b"], ["c"]], hosts);
    expect(reaches()).toEqual(["ab"]);
    network.partition(undefined, hosts);
    expect(reaches()).toHaveLength(6);
  });
});
