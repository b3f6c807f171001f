import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/**
 * C7: what waits to be flooded on a link holds at most one version of each slot, so it never outgrows the store, however slowly the neighbour reads.
 * Looked at wherever a record has changed, after each event; everywhere each second.
 */
export class QueuesChecker implements Checker {
  readonly #changed = new Map<Life, Set<string>>();
  readonly #nodes = new Map<Life, SimNode>();

  began(node: SimNode, life: Life): void {
    this.#nodes.set(life, node);
    life.store.subscribe((origin) => {
      const origins = this.#changed.get(life);
      if (origins === undefined) this.#changed.set(life, new Set([origin]));
      else origins.add(origin);
    });
  }

  ended(_node: SimNode, life: Life): void {
    this.#nodes.delete(life);
    this.#changed.delete(life);
  }

  afterEvent(): void {
    if (this.#changed.size === 0) return;
    for (const [life, origins] of this.#changed) for (const origin of origins) this.#check(life, origin);
    this.#changed.clear();
  }

  sweep(): void {
    for (const life of this.#nodes.keys()) this.#check(life);
  }

  quiet(_world: World): void {
    this.sweep();
  }

  #check(life: Life, origin?: string): void {
    for (const { peer, records } of life.router.waitingRecords(origin)) {
      let slots: Set<string> | undefined;
      for (const record of records) {
        const place = `${record.origin}/${record.slot.toString(16)}`;
        slots ??= new Set();
        if (slots.has(place)) throw new Violation("C7", `two versions of ${place} wait at ${this.#nodes.get(life)?.name ?? "a node"} for ${peer}`);
        slots.add(place);
      }
    }
  }
}
