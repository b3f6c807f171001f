import { recordKinds, type ServiceInfo } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/**
 * What holds of services as nodes see them. D1: what is listed was bound once, and its owner can be reached. D2: what a reachable owner says is listed.
 * D3: what is closed does not come back. D4: a node always sees its own.
 *
 * A directory is a function of the store and of reachability. So wherever a node holds the very records that an owner holds of itself, it must list
 * exactly what the owner offers: with R2 that is D3 too. Checked after each event for the nodes in which something changed.
 */
export class DirectoriesChecker implements Checker {
  /** Of which origins something has changed, in which lives. */
  readonly #changed = new Map<Life, Set<string>>();
  readonly #bound = new Set<string>();
  /** Which of them are exclusive: of those ExclusiveChecker says which is listed. */
  readonly #exclusive = new Set<string>();
  readonly #byId = new Map<string, SimNode>();
  readonly #nodes = new Map<Life, SimNode>();

  began(node: SimNode, life: Life): void {
    const { id } = life.router;
    this.#byId.set(id, node);
    this.#nodes.set(life, node);
    life.onoffer((offer) => {
      this.#bound.add(keyOf({ ...offer, id }));
      if (offer.exclusiveSince !== undefined) this.#exclusive.add(keyOf({ ...offer, id }));
      this.#note(life, id);
    });
    life.store.subscribe((origin) => this.#note(life, origin));
  }

  ended(_node: SimNode, life: Life): void {
    this.#changed.delete(life);
    this.#nodes.delete(life);
  }

  routerEvent(_node: SimNode, life: Life, event: RouterEvent): void {
    if (event.type === "reachability") this.#note(life, event.id);
  }

  afterEvent(world: World): void {
    if (this.#changed.size === 0) return;
    // What a node has learned, its parts tell each other by the end of the tick; of its own it knows at once.
    const isSettled = world.timeline.isSettled;
    for (const [life, origins] of this.#changed) {
      if (life.process.paused) continue;
      const { id } = life.router;
      if (isSettled) this.#check(life, origins);
      else if (origins.has(id)) this.#check(life, new Set([id]));
      if (isSettled) this.#changed.delete(life);
    }
  }

  quiet(): void {
    for (const life of this.#nodes.keys()) this.#check(life, new Set(life.store.origins()));
  }

  #note(life: Life, origin: string): void {
    const origins = this.#changed.get(life);
    if (origins === undefined) this.#changed.set(life, new Set([origin]));
    else origins.add(origin);
  }

  #check(life: Life, origins: ReadonlySet<string>): void {
    const node = this.#nodes.get(life);
    if (node === undefined || life.isClosing || !life.process.alive) return;
    const { router, directory } = life;
    const listed = new Map<string, string[]>();
    for (const service of directory.registry()) {
      const { id } = service;
      if (!origins.has(id)) continue;
      const key = keyOf(service);
      if (!this.#bound.has(key)) throw new Violation("D1", `${node.name} lists ${key}, which nobody ever bound`);
      if (id !== router.id && router.reachability.cost(id) === undefined) throw new Violation("D1", `${node.name} lists ${key}, whose owner it cannot reach`);
      if (this.#exclusive.has(key)) continue;
      const keys = listed.get(id);
      if (keys === undefined) listed.set(id, [key]);
      else keys.push(key);
    }
    for (const id of origins) {
      if (id === router.id) {
        this.#compare("D4", node, life, life, listed.get(id) ?? []);
        continue;
      }
      const owner = this.#byId.get(id)?.life;
      if (owner?.router.id !== id || router.reachability.cost(id) === undefined || !sameServiceRecords(life, owner)) continue;
      this.#compare("D2", node, life, owner, listed.get(id) ?? []);
    }
  }

  #compare(rule: "D2" | "D4", node: SimNode, life: Life, owner: Life, listed: string[]): void {
    const offered = [...owner.offers].filter(({ exclusiveSince }) => exclusiveSince === undefined).map((offer) => keyOf({ ...offer, id: owner.router.id }));
    if (offered.length === listed.length && offered.every((key) => listed.includes(key))) return;
    const missing = offered.find((key) => !listed.includes(key));
    if (missing !== undefined) throw new Violation(rule, `${node.name} does not list ${missing}, (it lists ${listed.join(" ")} of it), though it ${life === owner ? "offers it" : "has its owner's records and can reach it"}`);
    const extra = listed.find((key) => !offered.includes(key));
    throw new Violation(rule === "D4" ? "D4" : "D3", `${node.name} lists ${String(extra)}, which its owner has closed, and has heard of it`);
  }
}

function keyOf({ id, env, name, port }: Pick<ServiceInfo, "id" | "env" | "name" | "port">): string {
  return `${id}/${env}/${name}:${port}`;
}

/** Whether a node holds the records of services that their owner holds now. Two processes under one id may use the same numbers for a while. */
export function sameServiceRecords(life: Life, owner: Life): boolean {
  const id = owner.router.id;
  if (life.store.incarnationOf(id) !== owner.store.incarnationOf(id)) return false;
  for (const record of owner.store.records(id)) {
    if (record.slot >> 8 !== recordKinds.service) continue;
    const held = life.store.get(id, record.slot);
    if (held?.seq !== record.seq || held.payload.length !== record.payload.length || !held.payload.every((byte, i) => byte === record.payload[i])) return false;
  }
  return true;
}
