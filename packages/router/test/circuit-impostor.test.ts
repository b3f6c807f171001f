import { StreamConnection, type Session } from "@astranet/mux";
import { secure } from "@astranet/noise";
import { nodeIdOfKey } from "@astranet/router";
import { describe, expect, it } from "vitest";
import { circuitIdBytes, encodeCircuitHeader } from "../src/circuit/circuit-header.ts";
import { nodeIdToBytes } from "../src/node-id.ts";
import { streamTypes } from "../src/stream-types.ts";
import { identities } from "./support/identities.ts";
import { TestNetwork, seededRandom, type TestNode } from "./support/network.ts";

const random = seededRandom(21);
const identity = identities(22);

/** a – r – z, encrypted; r opens a circuit to z in the name of a, as if it carried it, with the keys that it has. */
async function opened(asWhom: "its own" | "a's"): Promise<{ a: TestNode; r: TestNode; z: TestNode; outcome: string }> {
  const net = new TestNetwork({ latencyMs: 2 });
  const keys = [identity(), identity(), identity()] as const;
  const [a, r, z] = keys.map((each, i) => net.node(i + 1, { id: nodeIdOfKey(each.publicKey)!, security: { identity: each }, role: i === 1 ? "router" : "peer" })) as [TestNode, TestNode, TestNode];
  await net.link(a, r);
  await net.link(r, z);
  await net.clock.advance(2000);
  const link = r.router.links.find(({ peer }) => peer === z.id) as unknown as { session: Session };
  const header = { path: [a.id, r.id, z.id], index: 2, id: random(circuitIdBytes), kind: "circuit" as const };
  const stream = link.session.open({ type: streamTypes.circuit, header: encodeCircuitHeader(header) });
  const prologue = new Uint8Array([...new TextEncoder().encode("astranet circuit 1"), ...header.path.flatMap((id) => [...nodeIdToBytes(id)]), ...header.id]);
  const connection = new StreamConnection(stream, { kind: "circuit", clock: net.clock, localAddress: "r", remoteAddress: "z" });
  let outcome = "pending";
  secure(connection, { role: "initiator", pattern: "IK", identity: keys[asWhom === "its own" ? 1 : 0], remoteStatic: keys[2].publicKey, prologue, clock: net.clock, random }).then(
    () => (outcome = "secured"),
    (error: unknown) => (outcome = (error as { code: string }).code),
  );
  await net.clock.advance(6000);
  return { a, r, z, outcome };
}

describe("a circuit that a relay opens in another node's name", () => {
  it("is not accepted: the key that it proves is not that of the name", async () => {
    const { z, outcome } = await opened("its own");
    expect(outcome).not.toBe("secured");
    expect(z.router.circuits).toMatchObject({ accepted: 0 });
    expect(z.events.filter(({ type }) => type === "circuitup")).toEqual([]);
  });

  it("would be accepted with that node's own key, and with nothing else that is different", async () => {
    const { a, z, outcome } = await opened("a's");
    expect(outcome).toBe("secured");
    expect(z.events.filter(({ type }) => type === "circuitup")).toMatchObject([{ peer: a.id }]);
  });
});
