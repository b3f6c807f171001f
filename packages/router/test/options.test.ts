import { RecordStore } from "@astranet/discovery";
import type { Identity } from "@astranet/noise";
import { nodeIdOfKey, Router, type RouterOptions } from "@astranet/router";
import { describe, expect, it } from "vitest";
import { identities } from "./support/identities.ts";
import { TestNetwork, during, idOf, linked, outcome } from "./support/network.ts";

const identity = identities(9);
const store = (): RecordStore => new RecordStore({ self: idOf(1), incarnation: 1n });
const router = (options: unknown): Router => new Router({ store: store(), ...(options as Omit<RouterOptions, "store">) });

describe("a wrong option", () => {
  it.each<[string, unknown]>([
    ['role must be one of auto, peer, client, server, router, not "king"', { role: "king" }],
    ["security must be an object, not true", { security: true }],
    ["authorize must be a function, not true", { authorize: true }],
    ["linkFactor must be a function, not 2", { linkFactor: 2 }],
    ["key must be a Uint8Array of at most 64 bytes, not an object", { key: new Uint8Array(65) }],
    ['transports must be a list of transports, each with networks and dial, not "tcp"', { transports: "tcp" }],
    ["transports must be a list of transports, each with networks and dial, not a list of 1: an object", { transports: [{}] }],
    ["transports must be a list of transports, each with networks and dial, not a list of 1: an object", { transports: [{ networks: "tcp", dial: () => undefined }] }],
    ['insecure must be true or false, not "false"', { insecure: "false" }],
    ["insecure must be true or false, not 1", { insecure: 1 }],
    ["insecure must be true or false, not null", { insecure: null }],
    ['advertise must be a list of at most 8 addresses such as "tcp 203.0.113.7:10000", not a list of 1: "nonsense"', { advertise: ["nonsense"] }],
    ["not a list of 9: ", { advertise: Array.from({ length: 9 }, (_, i) => `tcp 203.0.113.7:${i}`) }],
    ["advertise must be", { advertise: [`tcp ${"x".repeat(512)}`] }],
    ['advertise must be a list of at most 8 addresses such as "tcp 203.0.113.7:10000", not "tcp', { advertise: "tcp 203.0.113.7:10000" }],
    ["follow must be a function, not true", { follow: true }],
    ...[0, -1, 1.5, Number.NaN, 2 ** 32, Infinity].map((idleTimeoutMs): [string, unknown] => [`idleTimeoutMs must be an integer from 1 to 4294967295, not ${idleTimeoutMs}`, { idleTimeoutMs }]),
    ['idleTimeoutMs must be an integer from 1 to 4294967295, not "15s"', { idleTimeoutMs: "15s" }],
    ["session must be an object, not 5", { session: 5 }],
    ["limits must be an object, not null", { limits: null }],
    ["limits.maxLinks must be an integer from 0 to 9007199254740991, not -1", { limits: { maxLinks: -1 } }],
    ['limits.dialTimeoutMs must be an integer from 1 to 2147483647, not "x"', { limits: { dialTimeoutMs: "x" } }],
    ["limits.forgetAfterMs must be an integer from 1 to 2147483647, not 2147483648", { limits: { forgetAfterMs: 2 ** 31 } }],
    ["limits.handshakesPerSecond must be a number above 0, not 0", { limits: { handshakesPerSecond: 0 } }],
    ["limits.recordsPerSecond must be a number above 0, not Infinity", { limits: { recordsPerSecond: Infinity } }],
    ["limits.maxDials must be an integer from 1 to 9007199254740991, not 0", { limits: { maxDials: 0 } }],
    ["circuitLimits must be an object, not a function", { circuitLimits: () => 5 }],
    ["circuitLimits.maxTries must be an integer from 1 to 9007199254740991, not 0", { circuitLimits: { maxTries: 0 } }],
    ["circuitLimits.opensPerSecond must be a number above 0, not NaN", { circuitLimits: { opensPerSecond: Number.NaN } }],
    ["circuitLimits.maxRelayBytes must be an integer from 0 to 9007199254740991, not a list of 0", { circuitLimits: { maxRelayBytes: [] } }],
    ["clock must be a Clock, with now, setTimer and defer, not an object", { clock: { now: () => 0 } }],
    ["random must be a function, not an object", { random: {} }],
  ])("is EINVAL where the node is made: %s", (words, options) => {
    expect(() => router(options)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(words) as string }));
  });

  it("is none that is undefined: that stands for the default", async () => {
    const wrong = undefined as never;
    const net = new TestNetwork();
    const options = { role: wrong, insecure: wrong, idleTimeoutMs: wrong, limits: { maxLinks: wrong, handshakeTimeoutMs: wrong }, circuitLimits: { maxCircuits: wrong } };
    const [a, b] = [net.node(1, options), net.node(2, options)];
    await net.link(a, b);
    expect(a.router.links).toMatchObject([{ state: "up", peer: b.id }]);
  });

  it("nor what is at its bounds", () => {
    router({ idleTimeoutMs: 1, limits: { maxLinks: 0, dialTimeoutMs: 2 ** 31 - 1, handshakesPerSecond: 0.001 }, circuitLimits: { maxCircuits: 0, openBurst: 1 }, transports: [], advertise: ["unix /run/a b.sock"] });
  });
});

describe("a session that cannot be made", () => {
  it.each([
    [true, false],
    [false, false],
    [true, true],
    [false, true],
  ])("ends its link, with EINVAL, and nothing is half up: on the side that dialled %s, encrypted %s", async (dialled, isEncrypted) => {
    const net = new TestNetwork();
    const [one, two] = [identity(), identity()];
    const secured = (self: Identity): Parameters<TestNetwork["node"]>[1] => (isEncrypted ? { id: nodeIdOfKey(self.publicKey)!, security: { identity: self } } : {});
    const [a, b] = [net.node(1, secured(one)), net.node(2, { ...secured(two), session: { maxFrameSize: -1 } })];
    const [left, right] = net.pipe();
    // A name that says nothing of where it ends.
    const leads = isEncrypted ? "serial" : "memory";
    for (const end of [left, right]) Object.defineProperties(end, { localAddress: { value: leads }, remoteAddress: { value: leads } });
    const [sound, broken] = [a.router.attach(left, { initiator: !dialled }), b.router.attach(right, { initiator: dialled })];
    await net.clock.advance(50);
    const error = { code: "EINVAL", message: expect.stringContaining("maxFrameSize") as string };
    expect(await outcome(broken.ready)).toMatchObject(error);
    expect(b.events).toMatchObject([{ type: "linkerror", error }]);
    expect(await outcome(sound.ready)).toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    expect([a, b].map(({ router: each }) => each.links)).toEqual([[], []]);
    // Nothing is left that waits.
    await during(net.clock, Promise.all([a.router.close(), b.router.close()]), 10);
  });

  it("leaves the node's other links alone", async () => {
    const { net, a, b } = await linked();
    const c = net.node(3, { session: { maxFrameSize: -1 } });
    const [left, right] = net.pipe();
    a.router.attach(left);
    c.router.attach(right);
    await net.clock.advance(50);
    expect(a.router.links).toMatchObject([{ state: "up", peer: b.id }]);
  });
});
