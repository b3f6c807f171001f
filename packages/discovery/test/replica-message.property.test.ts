import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { RecordStore, Replication, isReplicaMessage, type ReplicaLink, type ReplicaMessage } from "@astranet/discovery";
import { DecreedReachability, HandClock, idOf, seededRandom } from "./support/world.ts";

function makeLink(): { link: ReplicaLink; store: RecordStore } {
  const store = new RecordStore({ self: idOf(1), incarnation: 1n });
  store.put(0x0200, Uint8Array.of(1));
  store.merge({ origin: idOf(2), incarnation: 1n, slot: 0, seq: 1, flags: 0, payload: Uint8Array.of(1) });
  const replication = new Replication({ store, clock: new HandClock(), random: seededRandom(1), reachability: new DecreedReachability(), forwards: () => true });
  return { store, link: replication.connect({ id: idOf(2), wake: () => undefined }) };
}

const value = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
  fc.constant(new Uint8Array(2048)),
  fc.nat(),
  fc.boolean(),
  fc.string(),
  fc.constantFrom(null, undefined, -1, Number.NaN, 1e300, [], {}),
);
const message = fc
  .record({ t: fc.constantFrom("records", "digest", "buckets", "list", "want"), r: value, h: value, n: value, a: value, f: value, q: value, b: value, l: value, w: value })
  .map((fields) => fields as ReplicaMessage);

describe("a message that is malformed in any way", () => {
  it("is refused with ERR_ASTRANET_PROTOCOL or taken, and what is sent in answer is well-formed", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), (messages) => {
        const [one, other] = [makeLink(), makeLink()];
        for (const each of messages) {
          try {
            expect(one.link.receive(each)).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_ASTRANET_PROTOCOL" });
          }
        }
        for (let sent = one.link.next(), count = 0; sent !== undefined; sent = one.link.next(), count += 1) {
          expect(isReplicaMessage(sent.t)).toBe(true);
          expect(count).toBeLessThan(20);
          other.link.receive(sent);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of a known kind only is for replication", () => {
    expect(["records", "digest", "buckets", "list", "want", "hello", "toString", ""].map(isReplicaMessage)).toEqual([true, true, true, true, true, false, false, false]);
  });
});
