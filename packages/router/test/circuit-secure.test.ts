import type { Stream } from "@astranet/mux";
import { generateIdentity, secure, type Identity } from "@astranet/noise";
import { describe, expect, it } from "vitest";
import type { CircuitsOptions } from "../src/circuit/circuit-types.ts";
import { decodeCircuitHeader, encodeCircuitHeader, type CircuitHeader } from "../src/circuit/circuit-header.ts";
import type { NodeId } from "../src/node-id.ts";
import { streamTypes } from "../src/stream-types.ts";
import { drainOf, echo, failure, virtualNetwork, type CircuitNetwork, type CircuitNode } from "./support/circuit-network.ts";
import { during, idOf, seededRandom } from "./support/network.ts";

const random = seededRandom(99);
const identities = new Map<NodeId, Identity>(Array.from({ length: 5 }, (_, i) => [idOf(i + 1), generateIdentity(random)]));

/** Encrypts end to end: an id stands for the key that everybody knows it by. */
function encrypted(clock: CircuitNetwork["clock"], self: NodeId): Pick<CircuitsOptions, "secure"> {
  return {
    secure: (connection, { initiator, peer, prologue }) =>
      secure(connection, {
        role: initiator ? "initiator" : "responder",
        pattern: "IK",
        identity: identities.get(self)!,
        remoteStatic: identities.get(peer)!.publicKey,
        prologue,
        clock,
        random,
      }),
  };
}

/** What a relay does to one direction's bytes: gives back what it sends instead of each chunk. */
type Trick = (chunk: Uint8Array, n: number, held: Uint8Array[]) => Uint8Array[];

/** A relay that carries a circuit as any other does, and does something to what its opener sends. */
function meddle(relay: CircuitNode, trick: Trick, rewrite: (header: CircuitHeader) => Partial<CircuitHeader> = () => ({})): void {
  const incoming = (stream: Stream): void => {
    const header = decodeCircuitHeader(stream.header);
    const next = relay.links.get(header.path[header.index + 1]!)!.session;
    const onward = next.open({ type: streamTypes.circuit, header: encodeCircuitHeader({ ...header, ...rewrite(header), index: header.index + 1 }) });
    let n = 0;
    const held: Uint8Array[] = [];
    const join = (from: Stream, to: Stream, change: boolean): void =>
      from.attach({
        data: (chunk) => {
          from.consume(chunk.length);
          for (const out of change ? trick(chunk.slice(), n++, held) : [chunk]) to.write(out).catch(() => undefined);
        },
        end: () => void to.end(),
        reset: (error) => to.reset(error.remoteCode ?? 6),
      });
    join(stream, onward, true);
    join(onward, stream, false);
    onward.opened.then(
      () => stream.accept(),
      () => undefined,
    );
  };
  Object.assign(relay, { incoming });
}

function diamond(): { net: CircuitNetwork; a: CircuitNode; r1: CircuitNode; r2: CircuitNode; b: CircuitNode } {
  const net = virtualNetwork();
  const [a, r1, r2, b] = [1, 2, 3, 4].map((n) => net.node(encrypted(net.clock, idOf(n)))) as [CircuitNode, CircuitNode, CircuitNode, CircuitNode];
  for (const relay of [r1, r2]) {
    net.link(a, relay);
    net.link(relay, b);
  }
  return { net, a, r1, r2, b };
}

describe("an encrypted circuit", () => {
  it("opens in one round trip, and shows the relay nothing of what it carries", async () => {
    const net = virtualNetwork({ latencyMs: 5 });
    const [a, r, b] = net.row(3, (i) => encrypted(net.clock, idOf(i + 1)));
    const seen: string[] = [];
    meddle(r, (chunk) => {
      seen.push(String.fromCharCode(...chunk));
      return [chunk];
    });
    void echo(b.ports.bind({ port: 7 }));
    await net.clock.advance(50);
    const at = net.clock.now();
    let openedAt = 0;
    await during(net.clock, a.circuits.session(b.id).then(() => (openedAt = net.clock.now())), 100);
    expect(openedAt - at).toBe(20);
    const conn = await during(net.clock, a.dial(b, 7), 100);
    const secret = "nobody on the way reads this";
    void conn.end(new TextEncoder().encode(secret));
    expect(new TextDecoder().decode(await during(net.clock, drainOf(conn), 100))).toBe(secret);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.join("")).not.toContain(secret.slice(0, 8));
  });

  const untrue: readonly (readonly [name: string, trick: Trick])[] = [
    ["changes a bit", (chunk, n) => (n === 0 ? [chunk.map((byte, i) => (i === 20 ? byte ^ 1 : byte))] : [chunk])],
    ["answers in the target's name", () => []],
  ];
  it.each(untrue)("goes over another relay when the first %s in the handshake", async (_name, trick) => {
    const { net, a, r1, r2, b } = diamond();
    meddle(r1, trick);
    void echo(b.ports.bind({ port: 7 }));
    const conn = await during(net.clock, a.dial(b, 7), 9000);
    void conn.end(Uint8Array.of(1, 2));
    expect(await during(net.clock, drainOf(conn), 100)).toEqual(Uint8Array.of(1, 2));
    expect([...a.failed]).toContain("2-4");
    expect(r2.circuits.stats().relayed).toBe(1);
  });

  it("is bound to its path: a relay that tells the target of another one is found out", async () => {
    const { net, a, r1, r2, b } = diamond();
    // As if the opener were r2.
    meddle(r1, (chunk) => [chunk], ({ path }) => ({ path: [r2.id, path[1]!, path[2]!] }));
    await during(net.clock, a.circuits.session(b.id), 1000);
    expect(r2.circuits.stats().relayed).toBe(1);
    expect(b.events.map((event) => "peer" in event && event.peer)).toEqual([a.id]);
  });

  const others: readonly (readonly [what: string, rewrite: (header: CircuitHeader) => Partial<CircuitHeader>])[] = [
    ["another node on the way", ({ path }) => ({ path: path.map((id, i) => (i === 1 ? idOf(9) : id)) })],
    ["another id of the circuit", ({ id }) => ({ id: id.map((byte) => byte ^ 1) })],
  ];
  it.each(others)("is bound to its header: a relay that tells the target of %s has ended it", async (_what, rewrite) => {
    const net = virtualNetwork();
    const [a, , r, b] = net.row(4, (i) => encrypted(net.clock, idOf(i + 1)));
    meddle(r, (chunk) => [chunk], rewrite);
    const session = Promise.resolve(a.circuits.session(b.id));
    session.catch(() => undefined);
    await net.clock.advance(20_000);
    await expect(session).rejects.toMatchObject({ code: expect.stringMatching(/ERR_ASTRANET_HANDSHAKE|ECONNRESET|ERR_ASTRANET_PROTOCOL|ETIMEDOUT/) as string });
    expect(b.circuits.stats().accepted).toBe(0);
  });

  const later: readonly (readonly [name: string, trick: Trick])[] = [
    ["changes a bit", (chunk, n) => (n === 4 ? [chunk.map((byte, i) => (i === chunk.length - 5 ? byte ^ 0x80 : byte))] : [chunk])],
    ["repeats the handshake", (chunk, n) => (n === 0 ? [chunk, chunk] : [chunk])],
    ["repeats bytes", (chunk, n) => (n === 4 ? [chunk, chunk] : [chunk])],
    ["drops bytes", (chunk, n) => (n === 4 ? [] : [chunk])],
    ["drops all", (chunk, n) => (n >= 4 ? [] : [chunk])],
    [
      "swaps bytes",
      (chunk, n, held) => {
        if (n !== 4) return [chunk, ...held.splice(0)];
        held.push(chunk);
        return [];
      },
    ],
  ];
  it.each(later)("dies with nothing false delivered when a relay %s later; the next dial goes on", async (_name, trick) => {
    const { net, a, r1, r2, b } = diamond();
    meddle(r1, trick);
    const got: Uint8Array[] = [];
    const errors: unknown[] = [];
    b.ports.bind({
      port: 7,
      onconn: (conn) =>
        conn.attach({
          data: (chunk) => {
            got.push(chunk.slice());
            conn.consume(chunk.length);
          },
          end: () => undefined,
          reset: (error) => errors.push(error),
        }),
    });
    const sent = Array.from({ length: 8 }, (_, i) => new Uint8Array(500).fill(i + 1));
    const talk = async (): Promise<void> => {
      const conn = await a.dial(b, 7);
      for (const chunk of sent) {
        conn.write(chunk).catch(() => undefined);
        await net.clock.advance(5);
      }
      await conn.closed;
    };
    const error = await failure(net.clock, talk(), 20_000);
    expect(error).toMatchObject({ retryable: false });
    expect(["ECONNRESET", "ERR_ASTRANET_PROTOCOL", "ERR_ASTRANET_HANDSHAKE", "EACCES", "ETIMEDOUT"]).toContain((error as { code: string }).code);
    // What came is the beginning of what was sent, to the byte.
    const all = got.flatMap((chunk) => [...chunk]);
    expect(all.length).toBeLessThan(8 * 500);
    expect(all).toEqual(sent.flatMap((chunk) => [...chunk]).slice(0, all.length));
    expect(errors.length).toBeLessThanOrEqual(1);
    // The paths hear of it, and here they listen.
    expect(a.failed).toContain("2-4");
    net.failures.push({ from: r1.id, to: b.id });
    await during(net.clock, a.dial(b, 7), 2000);
    expect(r2.circuits.stats().relayed).toBe(1);
  });

  it("never leads to a node that is not the target, whatever a relay says", async () => {
    const net = virtualNetwork();
    const [a, r, b] = net.row(3, (i) => encrypted(net.clock, idOf(i + 1)));
    const evil = net.node(encrypted(net.clock, idOf(4)));
    net.link(r, evil);
    // The relay has no link to the target, and leads to another node in its name.
    net.lies.push({ from: r.id, to: b.id });
    const link = r.links.get(evil.id)!;
    r.links.set(b.id, link);
    // The other node goes along with it.
    const { id } = b;
    Object.assign(evil, {
      incoming: (stream: Stream) => {
        expect(decodeCircuitHeader(stream.header).path.at(-1)).toBe(id);
        stream.accept();
        stream.write(new Uint8Array(100).fill(7)).catch(() => undefined);
      },
    });
    const error = await failure(net.clock, a.circuits.session(b.id), 11_000);
    expect(error).toMatchObject({ retryable: true, via: [r.id, b.id] });
    expect(a.circuits.existing(b.id)).toBeUndefined();
    expect(a.events).toEqual([]);
  });
});
