import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Crowd, type Manner } from "../crowd.ts";
import { Mesh } from "../mesh.ts";
import { type Figures, megabytes, milliseconds } from "./scenario.ts";

/** Handshakes under way, at most. */
const maxPending = 128;
/** What strangers may cost a node. */
const memoryGrowth = 20_000_000;
/** So much work for members comes first: what a process takes for being busy at all, its young heap, is not on account of strangers. */
const warmUpDials = 5000;
/** A member has its link by then at the latest. */
const linkWithinMs = 1000;

/** Who does not know the secret, or has none, or has encryption switched off, gets no link, and is told so; members have theirs. (F26) */
export async function wrongSecrets(): Promise<Figures> {
  await using mesh = new Mesh();
  const [relay, member, ...strangers] = await Promise.all([
    mesh.relay(),
    mesh.node(),
    mesh.node({ secret: randomBytes(32).toString("base64") }),
    mesh.node({ secret: "" }),
    mesh.node({ secret: "", insecure: true }),
  ]);
  const times: number[] = [];
  for (const [i, code] of ["EACCES", "EACCES", "ERR_ASTRANET_HANDSHAKE"].entries()) {
    const began = performance.now();
    await assert.rejects(strangers[i]!.call("join", relay.address), { code });
    times.push(performance.now() - began);
  }
  assert.equal(await relay.call("linkCount"), 0);
  assert.equal(await member.call("join", relay.address), relay.id);
  return { "refused after, ms": times.map(milliseconds).join(", ") };
}

/**
 * `count` strangers connect, from `hosts` addresses, and never finish a handshake: no more than 128 are let in, a member links all the same, memory does
 * not grow, and those inside are cut after 5 s. (F28)
 */
export async function crowd({ count, hosts, manner }: { readonly count: number; readonly hosts: number; readonly manner: Manner }): Promise<Figures> {
  await using mesh = new Mesh();
  const [relay, member, other] = await Promise.all([mesh.relay(), mesh.node(), mesh.node()]);
  await other.call("join", relay.address);
  await other.call("serveConversations", "talk");
  await relay.call("waitFor", "talk");
  await relay.call("openConversations", "work", "talk", warmUpDials, 100);
  await relay.call("heard", "work", 4 * warmUpDials);
  await relay.call("resetAll", "work");
  await using strangers = new Crowd(relay.address, manner);
  await relay.call("forgetPeak");
  const { rss } = await relay.call("memory");
  await strangers.come(count, hosts);
  const pending = (await relay.call("linkCount")) - 1;
  assert.ok(pending <= maxPending, `${String(pending)} handshakes are under way`);
  strangers.sayAByte();
  const began = performance.now();
  assert.equal(await member.call("join", relay.address, { retry: { minDelayMs: 50, maxDelayMs: 200 } }), relay.id);
  const linkMs = performance.now() - began;
  const attempts = 1 + member.events.filter(({ name }) => name === "joinerror").length;
  await member.call("openConversations", "talk", "talk", 1, 100);
  await member.call("heard", "talk", 5);
  const { peakRss } = await relay.call("memory");
  assert.ok(peakRss - rss < memoryGrowth, `the node grew by ${String(megabytes(peakRss - rss))} MB`);
  assert.ok(linkMs < linkWithinMs, `a member linked after ${String(linkMs)} ms`);
  await strangers.gone();
  assert.equal(await relay.call("linkCount"), 2);
  // Links that were there before have heard nothing of it.
  assert.deepEqual(other.events.filter(({ name }) => name === "linkdown"), []);
  return { strangers: count, "let in at once": pending, "turned away": await relay.call("refused"), "a member linked after, ms": milliseconds(linkMs), attempts, "grew by, MB": megabytes(Math.max(0, peakRss - rss)) };
}
