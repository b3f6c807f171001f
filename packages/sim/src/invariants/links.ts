import type { RouterEvent } from "@astranet/router";
import { AstraError } from "@astranet/transport";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";
import type { Checker } from "./checker.ts";

/** See RouterOptions.idleTimeoutMs. */
const idleTimeoutMs = 15_000;
/** A timer more, and the last words of a link. */
const slackMs = 6000;

/**
 * C2: whose other end is silent is noticed within the idle timeout, and nobody else is taken for dead: as long as nothing is done to the network,
 * links stay. Nobody here lies, so nobody is ever caught breaking the protocol either.
 */
export class LinksChecker implements Checker {
  #world: World | undefined;

  attach(world: World): void {
    this.#world = world;
  }

  routerEvent(node: SimNode, _life: Life, event: RouterEvent): void {
    const world = this.#world;
    if (world === undefined || !("error" in event) || event.error === undefined) return;
    const { error } = event;
    if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL") && !world.hasLiars) world.fail(new Violation("C2", `${node.name} was given a message that breaks the protocol: ${error.message}`));
    if (event.type === "linkdown" && world.calmMs > idleTimeoutMs + slackMs) {
      world.fail(new Violation("C2", `${node.name} lost a link, though nothing had happened to the network for ${Math.round(world.calmMs)} ms: ${error instanceof Error ? error.message : "no reason was given"}`));
    }
  }

  sweep(world: World): void {
    for (const pair of world.network.connections()) {
      for (const end of pair) {
        const { process } = end;
        if (end.gone || process.paused || !process.alive) continue;
        const silentMs = Math.min(process.now() - end.lastReadAt, process.sinceResumedMs);
        if (silentMs > idleTimeoutMs + slackMs) throw new Violation("C2", `${process.name} still believes in ${end.label}, from which nothing came for ${Math.round(silentMs)} ms`);
      }
    }
  }
}

/** What nodes that meet again after a while tell each other takes some round trips, on the slowest path and through others. */
const healMs = 10_000;

/**
 * C8: services of a node that is gone are withdrawn everywhere once that can be known: its neighbours notice within the idle timeout, and tell.
 * The bound is for the worst case: whoever could have told died in the same way, and that had to be noticed first. Where that happens again and again, so
 * that a link on the way which a node believes in has been cut for less than it takes to notice, it cannot know yet. Where nodes meet that
 * were apart, one of them may believe what it knew then until it has heard the rest.
 */
export class WithdrawalChecker implements Checker {
  readonly #endedAt = new Map<string, number>();
  #metAt = 0;

  routerEvent(node: SimNode, _life: Life, event: RouterEvent): void {
    if (event.type === "linkup") this.#metAt = node.world.now;
  }

  began(node: SimNode): void {
    this.#endedAt.delete(node.id);
  }

  ended(node: SimNode, life: Life): void {
    const { id } = life.router;
    // Another process may live under its id.
    if (!node.world.nodes.some(({ life: other }) => other?.router.id === id)) this.#endedAt.set(id, node.world.now);
  }

  sweep(world: World): void {
    const bound = 2 * idleTimeoutMs + slackMs + 2000;
    if (this.#endedAt.size === 0 || world.now - this.#metAt < healMs || world.nodes.some((node) => node.life?.process.paused === true || world.now - node.resumedAt < bound)) return;
    for (const { life, name } of world.nodes) {
      if (life === undefined) continue;
      for (const { id } of life.directory.registry()) {
        const endedAt = this.#endedAt.get(id);
        if (endedAt !== undefined && world.now - endedAt > bound && !this.#isCutOff(world, life, id)) throw new Violation("C8", `${name} still lists services of ${id}, which ended ${Math.round(world.now - endedAt)} ms ago`);
      }
    }
  }

  /** Whether something happened of late on the way to `id` that a node believes in, so that what those behind it have noticed may not have come through. */
  #isCutOff(world: World, life: Life, id: string): boolean {
    const since = world.now - idleTimeoutMs - slackMs;
    const way = [life.router.id, ...(life.router.route(id)?.via ?? [])].map((each) => world.nodes.filter((node) => node.id === each));
    return way.slice(1).some(([to, other], i) => {
      const from = way[i]![0];
      if (from === undefined || to === undefined || other !== undefined) return true;
      if ((this.#endedAt.get(to.id) ?? -Infinity) > since) return true;
      return [world.network.path(from.host, to.host), world.network.path(to.host, from.host)].some(({ changedAt, conditions }) => changedAt > since || conditions.bytesPerSecond < Infinity);
    });
  }
}

/** Nobody dials an address like mad: back-off grows to 30 s, and a link that comes and goes is not dialled more than about once a second. */
export class DialsChecker implements Checker {
  readonly #attempts = new Map<string, number[]>();
  #world: World | undefined;

  attach(world: World): void {
    this.#world = world;
  }

  routerEvent(node: SimNode, life: Life, event: RouterEvent): void {
    if (event.type !== "joinerror" || this.#world === undefined) return;
    const { now } = this.#world;
    const key = `${node.name} ${life.process.startedAt} ${event.address}`;
    const attempts = (this.#attempts.get(key) ?? []).filter((at) => at > now - 60_000);
    attempts.push(now);
    this.#attempts.set(key, attempts);
    if (attempts.length > 60) this.#world.fail(new Violation("dials", `${node.name} dialled ${event.address} ${attempts.length} times within a minute, in vain`));
  }
}

/** A process that says good-bye leaves nothing behind: no timer, no connection. */
export class ExitChecker implements Checker {
  #world: World | undefined;

  attach(world: World): void {
    this.#world = world;
  }

  exited(node: SimNode, life: Life): void {
    const { process } = life;
    const open = [...(this.#world?.network.connections() ?? [])].flat().filter((end) => end.process === process && !end.gone);
    if (process.timers > 0) this.#world?.fail(new Violation("exit", `${node.name} has closed everything, and ${process.timers} timers are set`));
    if (open.length > 0) this.#world?.fail(new Violation("exit", `${node.name} has closed everything, and ${open.map(({ label }) => label).join(", ")} is open`));
  }
}

/** C1, C6: a way visits no node twice, leads over nodes that run, and is no longer than paths may be. */
export class RoutesChecker implements Checker {
  #sweeps = 0;

  routerEvent(node: SimNode, _life: Life, event: RouterEvent): void {
    if (event.type !== "circuitup") return;
    const { path } = event;
    if (new Set(path).size !== path.length) node.world.fail(new Violation("C1", `a circuit visits a node twice: ${path.join(" ")}`));
    if (path.length > maxNodesOnPath) node.world.fail(new Violation("C6", `a circuit leads over ${path.length} nodes`));
  }

  /** Asking for routes makes a node compute them: rarely, so that it mostly does so when it would. */
  sweep(world: World): void {
    this.#sweeps += 1;
    if (this.#sweeps % 7 === 0) this.quiet(world);
  }

  quiet(world: World): void {
    for (const node of world.nodes) if (node.life !== undefined) checkRoutes(node, node.life);
  }
}

/** Of a path, both ends included. */
const maxNodesOnPath = 16;

function checkRoutes(node: SimNode, life: Life): void {
  for (const { id, via, hops, cost } of life.router.routes()) {
    const path = [life.router.id, ...via, id];
    if (new Set(path).size !== path.length) throw new Violation("C1", `${node.name} has a way that visits a node twice: ${path.join(" ")}`);
    if (path.length > maxNodesOnPath || hops !== path.length - 1) throw new Violation("C6", `${node.name} has a way of ${hops} hops over ${via.length} nodes`);
    if (!(cost >= 0 && cost < 16 * 20_000)) throw new Violation("C6", `${node.name} has a way that costs ${cost}`);
  }
}
