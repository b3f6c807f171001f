import { serviceUid } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import type { Life, Offer } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";
import { sameServiceRecords } from "./directories.ts";

interface Bound {
  readonly owner: Life;
  readonly offer: Offer;
  readonly id: string;
  readonly uid: string;
  readonly since: number;
}

/**
 * Of the exclusive services of a name, a node lists one at most, and that is the oldest (then that with the smallest id) of those whose owners it can reach:
 * so one in each part of a network that fell apart, and the same one everywhere when it is whole. Owners of others are told. Checked after each event for the
 * nodes in which something changed, against those owners of which a node holds what they say now.
 */
export class ExclusiveChecker implements Checker {
  /** By namespace and name. Those that are closed, or whose process is gone, stay: a node may list them until it hears. */
  readonly #bound = new Map<string, Map<string, Bound>>();
  /** Of which origins something has changed, in which lives. Of others a node may be about to hear that they can be reached. */
  readonly #changed = new Map<Life, Set<string>>();
  readonly #nodes = new Map<Life, SimNode>();

  began(node: SimNode, life: Life): void {
    this.#nodes.set(life, node);
    life.store.subscribe((origin) => this.#note(life, origin));
    life.onoffer((offer, isOn) => {
      const { env, name, port, exclusiveSince: since } = offer;
      if (since === undefined) return;
      const { id } = life.router;
      const uid = serviceUid({ id, env, name, port });
      const bound = this.#bound.get(`${env}/${name}`) ?? new Map<string, Bound>();
      if (isOn) this.#bound.set(`${env}/${name}`, bound.set(uid, { owner: life, offer, id, uid, since }));
      this.#note(life, id);
    });
  }

  ended(_node: SimNode, life: Life): void {
    this.#nodes.delete(life);
    this.#changed.delete(life);
  }

  routerEvent(_node: SimNode, life: Life, event: RouterEvent): void {
    if (event.type === "reachability") this.#note(life, event.id);
  }

  afterEvent(world: World): void {
    // The parts of a node have told each other by the end of the tick.
    if (this.#changed.size === 0 || !world.timeline.isSettled) return;
    for (const [life, origins] of this.#changed) {
      if (life.process.paused) continue;
      this.#changed.delete(life);
      this.#check(life, (id) => origins.has(id));
    }
  }

  quiet(): void {
    for (const life of this.#nodes.keys()) this.#check(life, () => true);
  }

  #note(life: Life, origin: string): void {
    if (this.#bound.size === 0) return;
    const origins = this.#changed.get(life);
    if (origins === undefined) this.#changed.set(life, new Set([origin]));
    else origins.add(origin);
  }

  #check(life: Life, isJudged: (id: string) => boolean): void {
    const node = this.#nodes.get(life);
    if (node === undefined || life.isClosing || !life.process.alive) return;
    for (const [key, bound] of this.#bound) {
      const [env = "", name = ""] = key.split("/");
      const listed = life.directory.providers(name, env).flatMap((info) => bound.get(serviceUid(info)) ?? []);
      if (listed.length > 1) throw new Violation("exclusive", `${node.name} lists ${listed.map(({ uid }) => uid).join(" and ")}`);
      const winner = listed[0];
      for (const each of bound.values()) {
        if (!each.owner.process.alive) continue;
        const isOffered = each.owner.offers.has(each.offer);
        if (each.owner === life && isOffered && each.offer.beatenBy !== (winner === each ? undefined : winner?.uid)) {
          throw new Violation("exclusive", `${node.name} was told that ${String(each.offer.beatenBy)} goes before ${each.uid}, and lists ${String(winner?.uid)}`);
        }
        if (each === winner ? isOffered : !isOffered || (winner !== undefined && goesBefore(winner, each))) continue;
        const isKnown = each.owner === life || (isJudged(each.id) && life.router.reachability.cost(each.id) !== undefined && sameServiceRecords(life, each.owner));
        if (isKnown) throw new Violation("exclusive", `${node.name} lists ${String(winner?.uid)}, though ${each === winner ? "its owner has closed it" : `${each.uid} goes before it`}`);
      }
    }
  }
}

function goesBefore(a: Bound, b: Bound): boolean {
  if (a.since !== b.since) return a.since < b.since;
  return a.id === b.id ? a.offer.port < b.offer.port : a.id < b.id;
}
