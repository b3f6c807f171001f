import type { RecordStore, StoredRecord } from "@astranet/discovery";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { hashBytes } from "../trace.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

interface Version {
  readonly incarnation: bigint;
  readonly seq: number;
}

/**
 * What holds of records. R1: only its origin ever makes a record. R2: a stored version never goes back. R4: a node that meets a
 * newer version of its own records outbids it.
 */
export class RecordsChecker implements Checker {
  /**
   * Everything that an origin has said: hashes of what, by origin, incarnation, slot and number, and who said it. (Two lives of a node may come
   * to one number by outbidding the same third one; then all nodes prefer the same of the two.)
   */
  readonly #said = new Map<string, { readonly hash: number; readonly life: Life | undefined }[]>();
  readonly #newest = new Map<string, { readonly incarnation: bigint; readonly life: Life }>();
  #world: World | undefined;

  attach(world: World): void {
    this.#world = world;
  }

  allow(record: StoredRecord): void {
    this.#note(nameOf(record), hashBytes(record.payload), undefined);
  }

  began(node: SimNode, life: Life): void {
    const { store } = life;
    const seen = new Map<string, Map<number, Version>>();
    store.subscribe((origin, record) => {
      try {
        if (record === undefined) this.#changedWholly(node, store, origin, seen);
        else if (origin === store.self) this.#wrote(node, life, record);
        else this.#stored(node, record, seen);
      } catch (error) {
        // Not into the node's face: it might take it for a peer's fault.
        this.#world?.fail(error);
      }
    });
  }

  quiet(world: World): void {
    for (const node of world.nodes) {
      const { life } = node;
      // Of two that live R5 says which gives way, if they can hear of each other at all.
      if (life === undefined || life.superseded || world.isShared(node.id)) continue;
      for (const other of world.nodes) {
        const held = other.life?.store.incarnationOf(node.id);
        if (other !== node && held !== undefined && held > life.store.incarnation && other.life!.router.reachability.cost(node.id) !== undefined) {
          throw new Violation("R4", `${other.name} holds records of a life of ${node.name} that is newer than the one it leads, and nobody outbids them`);
        }
      }
    }
  }

  #wrote(node: SimNode, life: Life, record: StoredRecord): void {
    const name = nameOf(record);
    const hash = hashBytes(record.payload);
    const newest = this.#newest.get(record.origin);
    if (this.#said.get(name)?.some((before) => before.life === life && before.hash !== hash) === true) {
      throw new Violation("R1", `${node.name} says two things under one version: ${name}`);
    }
    if (newest?.life === life && record.incarnation < newest.incarnation) throw new Violation("R4", `${node.name} went back to an older incarnation: ${name}`);
    this.#newest.set(record.origin, { incarnation: record.incarnation, life });
    this.#note(name, hash, life);
  }

  #note(name: string, hash: number, life: Life | undefined): void {
    const said = this.#said.get(name);
    if (said === undefined) this.#said.set(name, [{ hash, life }]);
    else said.push({ hash, life });
  }

  #stored(node: SimNode, record: StoredRecord, seen: Map<string, Map<number, Version>>): void {
    const name = nameOf(record);
    const said = this.#said.get(name);
    if (said === undefined) throw new Violation("R1", `${node.name} stores a record that its origin never made: ${name}`);
    const hash = hashBytes(record.payload);
    if (said.every((each) => each.hash !== hash)) throw new Violation("R1", `${node.name} stores a record that says something else than its origin did: ${name}`);
    const slots = seen.get(record.origin) ?? new Map<number, Version>();
    seen.set(record.origin, slots);
    const before = slots.get(record.slot);
    if (before !== undefined && (record.incarnation < before.incarnation || (record.incarnation === before.incarnation && record.seq < before.seq))) {
      throw new Violation("R2", `${node.name} went back from version ${before.incarnation}.${before.seq} to ${name}`);
    }
    slots.set(record.slot, record);
  }

  #changedWholly(node: SimNode, store: RecordStore, origin: string, seen: Map<string, Map<number, Version>>): void {
    const now = store.incarnationOf(origin);
    if (now === undefined) {
      // Forgotten, after it could not be reached for long: what it says when it comes back may be older than what it said last. Not in the same breath, though.
      const forgotten = seen.get(origin);
      node.world.after(0, "forgotten", () => {
        if (seen.get(origin) === forgotten && store.incarnationOf(origin) === undefined) seen.delete(origin);
      });
      return;
    }
    for (const { incarnation } of seen.get(origin)?.values() ?? []) {
      if (incarnation > now) throw new Violation("R2", `${node.name} went back to an older incarnation of ${origin}`);
    }
    seen.delete(origin);
  }
}

/**
 * R3: merging is commutative, associative and idempotent. Every store is given, in two orders and with repetitions, what
 * all nodes hold at the end, and must come to the same.
 */
export class MergeOrderChecker implements Checker {
  quiet(world: World): void {
    const records: StoredRecord[] = [];
    for (const { life } of world.nodes) if (life !== undefined) records.push(...life.store.records());
    const random = world.random.fork(`merge-order/${world.now}`);
    for (const node of world.nodes) {
      if (!node.isRunning) continue;
      const stores = [records, random.shuffled([...records, ...records])].map((order) => {
        const store = node.makeStore({ self: strangerId, incarnation: 1n, clock: world.clock });
        for (const record of order) store.merge(record);
        return store;
      });
      const [a, b] = stores.map((store) => [...store.records()].sort((x, y) => (x.origin < y.origin ? -1 : x.origin > y.origin ? 1 : x.slot - y.slot)));
      const same = a!.length === b!.length && a!.every((record, i) => nameOf(record) === nameOf(b![i]!) && hashBytes(record.payload) === hashBytes(b![i]!.payload));
      if (!same) throw new Violation("R3", `what ${node.name} stores depends on the order in which it comes`);
    }
  }
}

const strangerId = "fffffffffffffffe";

function nameOf({ origin, incarnation, slot, seq }: StoredRecord): string {
  return `${origin} ${incarnation}/${slot}/${seq}`;
}
