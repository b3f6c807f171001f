import type { StoredRecord } from "@astranet/discovery";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/**
 * What holds once nothing has changed for long. C4, C5: who reaches a node holds the very records that it holds of itself; who can be reached is
 * reached by everyone who should; and what nobody can reach is forgotten.
 */
export class AgreementChecker implements Checker {
  quiet(world: World): void {
    const running = world.nodes.filter((node) => node.life !== undefined && !node.life.isClosing);
    for (const node of running) {
      const reached = new Set(node.running.router.routes().map(({ id }) => id));
      const should = world.reachableFrom(node);
      for (const other of running) {
        if (other === node) continue;
        if (should.has(other) && !reached.has(other.id)) throw new Violation("C4", `${node.name} has no way to ${other.name}, though nothing stands between them, or those that they are linked with`);
        // Under a shared id it may be the other one that is reached.
        if (reached.has(other.id) && (should.has(other) || !world.isShared(other.id))) compareRecords(node, other);
      }
      for (const id of reached) if (!running.some((other) => other.id === id)) throw new Violation("C4", `${node.name} has a way to ${id}, which does not run`);
      for (const id of node.running.store.origins()) {
        if (id !== node.id && !reached.has(id) && world.calmMs > 200_000) throw new Violation("C4", `${node.name} still knows of ${id}, which it has not reached for so long`);
      }
    }
  }
}

function compareRecords(node: SimNode, other: SimNode): void {
  const own = new Map([...other.running.store.records(other.id)].map((record) => [record.slot, textOf(record)]));
  const held = new Map([...node.running.store.records(other.id)].map((record) => [record.slot, textOf(record)]));
  for (const slot of new Set([...own.keys(), ...held.keys()])) {
    const [mine, theirs] = [held.get(slot) ?? "nothing", own.get(slot) ?? "nothing"];
    if (mine !== theirs) throw new Violation("C4", `${node.name} does not hold what ${other.name} says in slot ${slot.toString(16)}:\n  ${other.name} says ${theirs}\n  ${node.name} has  ${mine}`);
  }
}

function textOf({ incarnation, seq, flags, payload }: StoredRecord): string {
  return `${incarnation}/${seq} ${flags} ${[...payload].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
