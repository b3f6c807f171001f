import { AstraNet, type AstraNetOptions } from "astranet";
import { describe, expect, it } from "vitest";

describe("an option of a node", () => {
  it.each<[string, unknown]>([
    ["options must be an object, not null", null],
    ["options must be an object, not string", "prod"],
    ['role must be one of auto, peer, client, server, router, not "Router"', { role: "Router" }],
    // As an environment variable has it: encryption stays on.
    ['insecure must be true or false, not "false"', { insecure: "false" }],
    ['insecure must be true or false, not "true"', { insecure: "true" }],
    ["insecure must be true or false, not 0", { insecure: 0 }],
    ["idleTimeoutMs must be an integer from 1 to 4294967295, not 0", { idleTimeoutMs: 0 }],
    ["idleTimeoutMs must be an integer from 1 to 4294967295, not NaN", { idleTimeoutMs: Number.NaN }],
    ["limits.maxLinks must be an integer from 0", { limits: { maxLinks: -1 } }],
    ['circuitLimits.openTimeoutMs must be an integer from 1 to 2147483647, not "10s"', { circuitLimits: { openTimeoutMs: "10s" } }],
    ['transports must be a list of transports, each with networks and dial, not "tcp"', { transports: "tcp" }],
    ["authorize must be a function, not an object", { authorize: {} }],
    ["linkFactor must be a function, not 2", { linkFactor: 2 }],
    ["follow must be a function, not true", { follow: true }],
    ["advertise must be a list of at most 8 addresses", { advertise: ["nonsense"] }],
    ['loopback must be true or false, not "yes"', { loopback: "yes" }],
    ["clock must be a Clock", { clock: Date }],
    ["random must be a function", { random: 4 }],
    ["a part of an env is a string, not number", { env: 5 }],
    ["a part of an env is a string", { env: null }],
    ["identity is what generateIdentity", { identity: null }],
  ])("that is wrong is EINVAL where the node is made: %s", (words, options) => {
    expect(() => new AstraNet(options as AstraNetOptions)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining(words) as string }));
  });
});
