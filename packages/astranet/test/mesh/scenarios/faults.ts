import assert from "node:assert/strict";
import { HalfOpenProxy } from "../half-open-proxy.ts";
import { Mesh } from "../mesh.ts";
import { type Figures, milliseconds } from "./scenario.ts";

/** The keep-alive of a network that finds out soon. */
const fastMs = 1000;

/**
 * C's connection to its relay dies without the relay hearing of it, and C dials again at once: the new link is taken, the old one is superseded, its
 * streams end once, and C's services are there all the while. (F7)
 */
export async function halfOpenPeer({ streams }: { readonly streams: number }): Promise<Figures> {
  await using mesh = new Mesh({ idleTimeoutMs: 15_000 });
  const [a, b, c] = await Promise.all([mesh.node(), mesh.relay(), mesh.node()]);
  await using proxy = await HalfOpenProxy.start(b.address);
  await Promise.all([a.call("join", b.address), c.call("join", proxy.address, { retry: { minDelayMs: 0 } })]);
  await c.call("serveConversations", "talk");
  await Promise.all([a, b].map((node) => node.call("waitFor", "talk")));
  await Promise.all([a, b].map((node) => node.call("openConversations", "talk", "talk", streams, 100)));
  await Promise.all([a, b].map((node) => node.call("heard", "talk", 2 * streams)));
  const before = b.events.length;
  proxy.cut();
  const [ofA, ofB] = await Promise.all([a, b].map((node) => node.call("over", "talk")));
  assert.deepEqual([ofA!.ends, ofA!.disorderly], [{ [`ECONNRESET ${b.id}`]: streams }, 0]);
  assert.deepEqual([ofB!.ends, ofB!.disorderly], [{ ERR_ASTRANET_SESSION_CLOSED: streams }, 0]);
  const [down, up] = [await b.event("linkdown"), await b.event("linkup", (event) => event.peer === c.id && b.events.indexOf(event) >= before)];
  assert.deepEqual([down.peer, down.error?.code], [c.id, "ERR_ASTRANET_SUPERSEDED"]);
  assert.ok(up.when.wallMs <= down.when.wallMs, "the new link was up before the old one ended");
  await Promise.all([a, b].map((node) => node.call("openConversations", "again", "talk", 1, 100)));
  await Promise.all([a, b].map((node) => node.call("heard", "again", 2)));
  // Nobody was ever told that C, or what it offers, had gone.
  for (const node of [a, b]) assert.deepEqual(node.events.filter(({ name, reachable }) => name === "reachability" && reachable === false), []);
  assert.deepEqual((await a.call("services")).map(({ id }) => id), [c.id]);
  assert.deepEqual([await b.call("refused"), b.events.filter(({ name }) => name === "linkerror")], [0, []]);
  return { streams, "new link after, ms": milliseconds(up.when.wallMs - c.events.find(({ name }) => name === "linkdown")!.when.wallMs) };
}

/**
 * C sleeps (SIGSTOP) for longer than its neighbours wait, and wakes: it does not declare anybody dead, is back within 3 s, and its services are away
 * meanwhile. (F11)
 */
export async function sleeper(): Promise<Figures> {
  await using mesh = new Mesh({ idleTimeoutMs: fastMs });
  const { a, c: sleeping, relays } = await mesh.row(1);
  const relay = relays[0]!;
  await sleeping.call("serveConversations", "talk");
  await a.call("providers", "talk", [sleeping.id]);
  await relay.event("linkup", ({ peer }) => peer === sleeping.id);
  const stoppedAt = wallMs();
  sleeping.kill("SIGSTOP");
  const down = await relay.event("linkdown");
  assert.deepEqual([down.peer, down.error?.code], [sleeping.id, "ETIMEDOUT"]);
  await a.call("providers", "talk", []);
  const wokenAt = wallMs();
  sleeping.kill("SIGCONT");
  await a.call("providers", "talk", [sleeping.id]);
  const backMs = wallMs() - wokenAt;
  assert.ok(backMs <= 3000, `it was back after ${String(backMs)} ms`);
  await a.call("openConversations", "talk", "talk", 1, 100);
  await a.call("heard", "talk", 2);
  // It heard that its link had been given up; it did not give it up itself, and nobody else lost one.
  const lost = sleeping.events.filter(({ name }) => name === "linkdown");
  assert.equal(lost.length, 1);
  assert.notEqual(lost[0]!.error?.code, "ETIMEDOUT");
  assert.deepEqual(a.events.filter(({ name }) => name === "linkdown"), []);
  return { "away after, ms": milliseconds(down.when.wallMs - stoppedAt), "back after, ms": milliseconds(backMs) };
}

/** A sleep that is shorter than anybody's patience costs nobody a link. */
export async function nap(): Promise<Figures> {
  await using mesh = new Mesh({ idleTimeoutMs: 15_000 });
  const { a, c: sleeping } = await mesh.row(1);
  await sleeping.call("serveConversations", "talk");
  await a.call("waitFor", "talk");
  await a.call("openConversations", "talk", "talk", 100, 100);
  const { messages } = await a.call("heard", "talk", 500);
  sleeping.kill("SIGSTOP");
  await a.call("beginDial", "meanwhile", "talk");
  sleeping.kill("SIGCONT");
  assert.equal((await a.call("dialled", "meanwhile")).provider, sleeping.id);
  await a.call("heard", "talk", messages + 500);
  const { open, ends } = await a.call("ends", "talk");
  assert.deepEqual([open, ends], [100, {}]);
  return {};
}

/**
 * SIGTERM to one of two providers, whose handler is `net.close()`: its running streams finish, new dials go to the other one, and no client sees an
 * error. (F21)
 */
export async function gracefulStop({ streams }: { readonly streams: number }): Promise<Figures> {
  await using mesh = new Mesh({ idleTimeoutMs: fastMs });
  const [a, b, c, d] = await Promise.all([mesh.node(), mesh.relay(), mesh.node({ stopsGracefully: true }), mesh.node()]);
  await Promise.all([a, c, d].map((node) => node.call("join", b.address)));
  await c.call("serveConversations", "work");
  await a.call("providers", "work", [c.id]);
  await a.call("openConversations", "running", "work", streams, 100);
  await a.call("heard", "running", 2 * streams);
  await d.call("serveConversations", "work");
  await a.call("providers", "work", [c.id, d.id]);
  await a.call("beginAsking", "work");
  await a.call("asked", 50);
  c.kill("SIGTERM");
  await a.call("providers", "work", [d.id]);
  assert.equal((await a.call("ends", "running")).open, streams, "those that run are left to run");
  const { ends, disorderly } = await a.call("finish", "running");
  assert.deepEqual([ends, disorderly], [{ whole: streams }, 0]);
  const finishedAt = performance.now();
  assert.equal(await c.exited, 0);
  const goneMs = performance.now() - finishedAt;
  await a.call("asked", 50);
  const counts = await a.call("stopAsking");
  assert.deepEqual(Object.keys(counts).filter((id) => id !== c.id), [d.id]);
  assert.ok(a.events.every(({ name, error }) => name !== "circuitdown" || error === undefined), "its circuit ended without an error");
  return { streams, "dials meanwhile": Object.values(counts).reduce((sum, count) => sum + count, 0), "gone after the last stream, ms": milliseconds(goneMs) };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
