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
  readonly #changed = new Map<Life, SimNode>();
  readonly #bound = new Set<string>();
  readonly #byId = new Map<string, SimNode>();

  began(node: SimNode, life: Life): void {
    this.#byId.set(node.id, node);
    life.onoffer((offer) => {
      this.#bound.add(`${life.router.id}/${offer.env}/${offer.name}:${offer.port}`);
      this.#changed.set(life, node);
    });
    life.store.subscribe(() => this.#changed.set(life, node));
    this.#changed.set(life, node);
  }

  ended(_node: SimNode, life: Life): void {
    this.#changed.delete(life);
  }

  routerEvent(node: SimNode, life: Life, event: RouterEvent): void {
    if (event.type === "reachability") this.#changed.set(life, node);
  }

  afterEvent(world: World): void {
    if (this.#changed.size === 0) return;
    // What a node has learned, its parts tell each other by the end of the tick.
    const isSettled = world.timeline.isSettled;
    for (const [life, node] of this.#changed) {
      if (life.isClosing || !life.process.alive) continue;
      if (isSettled && !life.process.paused) this.#check(node, life);
      else if (!life.process.paused) this.#checkOwn(node, life);
    }
    if (isSettled) for (const life of this.#changed.keys()) if (!life.process.paused) this.#changed.delete(life);
  }

  quiet(world: World): void {
    for (const node of world.nodes) if (node.life !== undefined && !node.life.isClosing) this.#check(node, node.life);
  }

  /** Its own it sees at once. */
  #checkOwn(node: SimNode, life: Life): void {
    const { id } = life.router;
    this.#compare("D4", node, life, life, [...life.directory.registry()].filter((service) => service.id === id).map(keyOf));
  }

  #check(node: SimNode, life: Life): void {
    const { router } = life;
    const listed = new Map<string, string[]>();
    for (const service of life.directory.registry()) {
      if (!this.#bound.has(keyOf(service))) throw new Violation("D1", `${node.name} lists ${keyOf(service)}, which nobody ever bound`);
      const { id } = service;
      if (id !== router.id && router.reachability.cost(id) === undefined) throw new Violation("D1", `${node.name} lists ${keyOf(service)}, whose owner it cannot reach`);
      const names = listed.get(id);
      if (names === undefined) listed.set(id, [keyOf(service)]);
      else names.push(keyOf(service));
    }
    this.#compare("D4", node, life, life, listed.get(router.id) ?? []);
    for (const id of life.store.origins()) {
      if (id === router.id || router.reachability.cost(id) === undefined) continue;
      const owner = this.#byId.get(id);
      const theirs = owner?.life;
      if (theirs === undefined || theirs.router.id !== id || !sameServiceRecords(life, theirs)) continue;
      this.#compare("D2", node, life, theirs, listed.get(id) ?? []);
    }
  }

  #compare(rule: "D2" | "D4", node: SimNode, life: Life, owner: Life, listed: string[]): void {
    const offered = [...owner.offers].map((offer) => keyOf({ ...offer, id: owner.router.id }));
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

/** Whether a node holds the records of services that their owner holds now. */
function sameServiceRecords(life: Life, owner: Life): boolean {
  const id = owner.router.id;
  if (life.store.incarnationOf(id) !== owner.store.incarnationOf(id)) return false;
  for (const record of owner.store.records(id)) {
    if (record.slot >> 8 === recordKinds.service && life.store.get(id, record.slot)?.seq !== record.seq) return false;
  }
  return true;
}
