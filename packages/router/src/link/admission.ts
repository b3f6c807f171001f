import { AstraError } from "@astranet/transport";
import { sameBytes, type Hello } from "./hello.ts";
import type { NodeId } from "../node-id.ts";

/** What the rules look at in a link to one peer. */
export interface LinkFacts {
  readonly hello: Hello;
  /** Who dialled. */
  readonly dialler: NodeId;
  /** What was dialled, as the dialler says; "" for an attached connection. */
  readonly dialled: string;
}

/** What a new link to a peer means for those that are up. */
export interface Admission<L extends LinkFacts> {
  /** End at once: the new link is the better one. */
  readonly supersede: readonly L[];
  /** Drain in a moment, the new one itself perhaps: both sides dialled, and only one direction is kept. */
  readonly redundant: readonly L[];
}

/** Links to one peer that were dialled by the same side, attached or dialled at different addresses. */
const maxParallel = 2;

/**
 * Decides about a link whose peer said who it is. `existing` are the links to that peer that are up, oldest first.
 * Throws ERR_ASTRANET_ID_CONFLICT when somebody else has that id.
 */
export function admit<L extends LinkFacts>(fresh: L, existing: readonly L[]): Admission<L> {
  const stranger = existing.find(({ hello }) => !sameBytes(hello.key, fresh.hello.key));
  if (stranger !== undefined) throw idConflict(fresh.hello.id);
  const superseded = new Set(existing.filter((link) => isOlderLife(link.hello, fresh.hello)));
  const alike = existing.filter((link) => !superseded.has(link) && link.dialler === fresh.dialler);
  // One process dials an address once at a time: it dials again because it knows that the old link is dead.
  if (fresh.dialled !== "") for (const link of alike) if (link.dialled === fresh.dialled) superseded.add(link);
  const parallel = alike.filter((link) => !superseded.has(link));
  for (const link of parallel.slice(0, Math.max(parallel.length + 1 - maxParallel, 0))) superseded.add(link);
  const left = [...existing.filter((link) => !superseded.has(link)), fresh];
  return { supersede: [...superseded], redundant: redundantOf(left) };
}

/** Of links with one process in both directions those that the node with the higher id dialled. Both ends come to the same answer. */
export function redundantOf<L extends LinkFacts>(links: readonly L[]): L[] {
  return links.filter((link) => links.some((other) => other.dialler < link.dialler && sameBytes(other.hello.instance, link.hello.instance)));
}

export function idConflict(id: NodeId): AstraError {
  return new AstraError("ERR_ASTRANET_ID_CONFLICT", `another node is known by the id ${id}`);
}

/** A process that came before: same key, another process, an older incarnation. A process may raise its own, and its links stay. */
function isOlderLife(old: Hello, fresh: Hello): boolean {
  return !sameBytes(old.instance, fresh.instance) && old.incarnation < fresh.incarnation;
}
