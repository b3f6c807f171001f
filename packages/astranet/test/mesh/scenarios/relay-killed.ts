import assert from "node:assert/strict";
import { Mesh } from "../mesh.ts";
import type { MeshNode } from "../mesh-node.ts";
import { type Figures, megabytes, MiB, milliseconds } from "./scenario.ts";

/** From the moment that a node knows that a link is dead to the end of the last stream over it: of the process's own time. */
const lastEndWithinMs = 50;
/** What is left of a thousand streams and a link that broke. */
const heapLeft = 3 * MiB;

/** kill -9 of the only relay, with `streams` busy Conns through it: each ends once at both ends, and nothing hangs. (F1) */
export async function onlyRelayKilled({ streams }: { readonly streams: number }): Promise<Figures> {
  await using mesh = new Mesh();
  const { a, c, relays } = await mesh.row(1);
  const relay = relays[0]!;
  await c.call("serveConversations", "talk");
  await c.call("bindUnheard", 9);
  await a.call("waitFor", "talk");
  const before = await heldBy(a, c);
  await a.call("openConversations", "talk", "talk", streams, 100);
  await Promise.all([a.call("heard", "talk", 5 * streams), c.call("heard", "talk", 5 * streams)]);
  await a.call("beginDial", "under way", `${c.id}:9`);
  relay.kill("SIGKILL");
  const ends = await Promise.all([a.call("over", "talk"), c.call("over", "talk")]);
  const walls: number[] = [];
  const cpus: number[] = [];
  for (const [i, { ends: how, disorderly, last }] of ends.entries()) {
    assert.deepEqual([how, disorderly], [{ [`ECONNRESET ${relay.id}`]: streams }, 0]);
    const { when } = await [a, c][i]!.event("linkdown");
    walls.push(last.wallMs - when.wallMs);
    cpus.push(last.cpuMs - when.cpuMs);
  }
  assert.ok(Math.max(...cpus) <= lastEndWithinMs, `the last stream ended ${String(cpus)} ms of the processes' own time after the link`);
  const { error } = await a.call("dialled", "under way");
  assert.ok(error !== undefined && ["ECONNRESET", "EHOSTUNREACH"].includes(error.code), JSON.stringify(error));
  await a.event("reachability", ({ peer, reachable }) => peer === c.id && reachable === false);
  await a.call("beginDial", "after", `${c.id}:9`);
  const after = await a.call("dialled", "after");
  assert.equal(after.error?.code, "EHOSTUNREACH");
  assert.deepEqual(await a.call("services"), []);
  const left = (await heldBy(a, c)).map((held, i) => held - before[i]!);
  assert.ok(Math.max(...left) <= heapLeft, `${String(left)} bytes are left of it`);
  return {
    streams,
    "last end after the link's, at A and C, ms": walls.map(milliseconds).join(", "),
    "… of their own time, ms": cpus.map(milliseconds).join(", "),
    "a dial then fails after, ms": milliseconds(after.ms),
    "left on the heap at A and C, MB": left.map(megabytes).join(", "),
  };
}

/** A relay dies while a dial waits for it: the dial goes on over the other relay, and there is one connection. (F2) */
export async function relayKilledDuringDial(): Promise<Figures> {
  await using mesh = new Mesh();
  const { a, c, relays } = await twoWays(mesh);
  const [used, other] = inOrder(relays, (await a.call("trace", c.id)).path);
  // The circuit's request lies in its socket, unread, when it dies.
  used.kill("SIGSTOP");
  await a.call("beginDial", "dial", "talk");
  used.kill("SIGKILL");
  const { provider, error, ms } = await a.call("dialled", "dial");
  assert.deepEqual([provider, error], [c.id, undefined]);
  const { path } = await a.event("circuitup");
  assert.deepEqual(path, [a.id, other.id, c.id]);
  assert.deepEqual([(await c.call("ends", "talk")).open, c.events.filter(({ name }) => name === "circuitup").length], [1, 1]);
  return { "the dial took, ms": milliseconds(ms) };
}

/** A relay dies with Conns through it: they end, and the next dials go over the other relay at once. (F3, without resuming) */
export async function relayKilledUnderStreams({ streams }: { readonly streams: number }): Promise<Figures> {
  await using mesh = new Mesh();
  const { a, c, relays } = await twoWays(mesh);
  await a.call("openConversations", "talk", "talk", streams, 100);
  await a.call("heard", "talk", 2 * streams);
  const [used, other] = inOrder(relays, (await a.event("circuitup")).path);
  used.kill("SIGKILL");
  const { ends, disorderly } = await a.call("over", "talk");
  assert.deepEqual([ends, disorderly], [{ [`ECONNRESET ${used.id}`]: streams }, 0]);
  await a.call("beginDial", "next", "talk", 2000);
  const { provider, error, ms } = await a.call("dialled", "next");
  assert.deepEqual([provider, error], [c.id, undefined]);
  assert.deepEqual(await a.call("routes").then((routes) => routes.find(({ id }) => id === c.id)?.via), [other.id]);
  return { streams, "the next dial took, ms": milliseconds(ms) };
}

/** A and C, which know two relays each: all of them know of both ways. */
async function twoWays(mesh: Mesh): Promise<{ a: MeshNode; c: MeshNode; relays: readonly MeshNode[] }> {
  const [a, c, ...relays] = await Promise.all([mesh.node(), mesh.node(), mesh.relay(), mesh.relay()]);
  await Promise.all([a, c].flatMap((end) => relays.map((relay) => end.call("join", relay.address))));
  await c.call("serveConversations", "talk");
  await a.call("waitFor", "talk");
  // Until the other way is known too, there is nothing to choose.
  await Promise.all(relays.flatMap((relay) => [a, c].map((end) => relay.event("reachability", ({ peer, reachable }) => peer === end.id && reachable === true))));
  return { a, c, relays };
}

/** Of two relays first the one on the path. Which one that is may change with the round trips that are measured, as long as no circuit holds it. */
function inOrder(relays: readonly MeshNode[], path: readonly string[] = []): readonly [used: MeshNode, other: MeshNode] {
  const used = relays.find(({ id }) => id === path[1]);
  const other = relays.find((relay) => relay !== used);
  assert.ok(used !== undefined && other !== undefined, `the path ${path.join(" ")} has neither relay`);
  return [used, other];
}

function heldBy(...nodes: readonly MeshNode[]): Promise<number[]> {
  return Promise.all(nodes.map(async (node) => (await node.call("memory")).held));
}
