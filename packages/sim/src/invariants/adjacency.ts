import { recordKinds } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** A neighbour, as its link was last seen to come or go. */
interface Turn {
  readonly isUp: boolean;
  readonly at: number;
  readonly boundMs: number;
  /** When the records said so. */
  toldAt: number | undefined;
}

interface Told {
  /** Of each neighbour, how many links are up. */
  readonly links: Map<string, number>;
  readonly lostAt: Map<string, number[]>;
  readonly turns: Map<string, Turn>;
  /** Lost when no other link was left: nobody could be told, and they are due with the next link. */
  readonly owed: Set<string>;
  /** When records of links were written, by its own clock. */
  writtenAt: number[];
}

/** Records of links may be written five times at once, and then once a second. */
const [burstMs, freeWrites, waitMs] = [5000, 2, 1000];
/** A link that was lost three times within ten seconds has to prove itself before it is told. */
const [flapMs, freeLosses] = [10_000, 3];
const slackMs = 50;
/** Later than every bound. */
const judgedAfterMs = 1500;

/** C3, of links: once an end has noticed that a link came or went, its own records say so, at once unless it has written many lately, or has nobody to tell. How word of it spreads, PropagationChecker says. */
export class AdjacencyChecker implements Checker {
  readonly #told = new Map<Life, Told>();
  readonly #nodes = new Map<Life, SimNode>();

  began(node: SimNode, life: Life): void {
    const told: Told = { links: new Map(), lostAt: new Map(), turns: new Map(), owed: new Set(), writtenAt: [] };
    this.#told.set(life, told);
    this.#nodes.set(life, node);
    life.store.subscribe((origin, record) => {
      if (origin !== life.store.self || record === undefined || record.slot >> 8 !== recordKinds.adjacency) return;
      const own = life.process.now();
      told.writtenAt = [...told.writtenAt.filter((at) => at > own - burstMs), own];
      note(life, told, node.world.now);
    });
  }

  ended(_node: SimNode, life: Life): void {
    this.#told.delete(life);
    this.#nodes.delete(life);
  }

  routerEvent(node: SimNode, life: Life, event: RouterEvent): void {
    const told = this.#told.get(life);
    if (told === undefined || (event.type !== "linkup" && event.type !== "linkdown")) return;
    const { now } = node.world;
    const { peer, type } = event;
    const before = told.links.get(peer) ?? 0;
    const links = before + (type === "linkup" ? 1 : -1);
    told.links.set(peer, links);
    // By its own clock, which stands still while it sleeps.
    const own = life.process.now();
    const lost = (told.lostAt.get(peer) ?? []).filter((at) => at > own - flapMs);
    if (type === "linkdown") lost.push(own);
    told.lostAt.set(peer, lost);
    const isBusy = told.writtenAt.filter((at) => at > own - burstMs).length > freeWrites;
    const turn: Turn = { isUp: links > 0, at: now, boundMs: slackMs + (isBusy ? waitMs : 0), toldAt: undefined };
    if (before > 0 !== links > 0) {
      told.turns.delete(peer);
      if (links === 0 || lost.length < freeLosses) told.turns.set(peer, turn);
    }
    if (type === "linkup") {
      told.owed.delete(peer);
      for (const lostPeer of told.owed) told.turns.set(lostPeer, { ...turn, isUp: false });
      told.owed.clear();
    }
    // Where it was draining, the records said so before.
    note(life, told, now);
    if (isAlone(life)) owe(told);
  }

  sweep(world: World): void {
    for (const [life, told] of this.#told) {
      const node = this.#nodes.get(life)!;
      const { turns } = told;
      if (isAlone(life)) owe(told);
      for (const [peer, { isUp, at, boundMs, toldAt }] of turns) {
        if (at > world.now - judgedAfterMs) continue;
        turns.delete(peer);
        if ((toldAt ?? Infinity) - at <= boundMs || life.isClosing || life.process.paused || node.resumedAt >= at) continue;
        // It drains already, and nobody was told yet.
        if (isUp && !life.router.links.some((link) => link.state === "up" && link.peer === peer)) continue;
        throw new Violation("C3", `${node.name} ${isUp ? "had a link with" : "had lost its link with"} ${peer} at ${at.toFixed(3)}, and its records ${toldAt === undefined ? "do not say so" : `said so ${Math.round(toldAt - at)} ms later`}`);
      }
    }
  }
}

function isAlone(life: Life): boolean {
  return !life.router.links.some(({ state }) => state === "up");
}

function owe({ turns, owed }: Told): void {
  for (const [peer, { isUp, toldAt }] of turns) {
    if (isUp || toldAt !== undefined) continue;
    turns.delete(peer);
    owed.add(peer);
  }
}

/** Marks which turns the records now tell of. */
function note(life: Life, told: Told, now: number): void {
  if (told.turns.size === 0) return;
  const listed = neighboursOf(life);
  for (const [peer, turn] of told.turns) if (turn.toldAt === undefined && listed.has(peer) === turn.isUp) turn.toldAt = now;
}

/** Whom its records list: see docs/routing.md. The first byte is the length of an entry, which begins with an id. */
function neighboursOf(life: Life): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { slot, payload } of life.store.records(life.store.self)) {
    if (slot >> 8 !== recordKinds.adjacency) continue;
    for (let at = 1; at < payload.length; at += payload[0]!) ids.add([...payload.subarray(at, at + 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return ids;
}
