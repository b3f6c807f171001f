import { SeededRandom, type SimNode } from "@astranet/sim";
import { everybody } from "./everybody.ts";
import { heldBytes } from "./held-bytes.ts";
import { Mesh, serviceName } from "./mesh.ts";
import { measurePhase, type Phase } from "./phase.ts";
import { spreadOf, type Spread } from "./spread.ts";

/** What is measured. */
export interface MeasureOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Is told what is done. */
  readonly progress?: (what: string) => void;
}

/** What a mesh of one size takes. */
export interface Scaling {
  readonly nodes: number;
  readonly routers: number;
  readonly leaves: number;
  readonly links: number;
  readonly services: number;
  /** What each node keeps, at rest. */
  readonly store: { readonly records: number; readonly bytes: number };
  /** All nodes start at one moment: until all stores are equal, and hold everything. */
  readonly coldStart: Phase;
  /** From then on, until no record changes any more: links become older than 30 s, and so cheaper. */
  readonly settling: Phase;
  /** A minute in which nothing happens. */
  readonly idle: Phase;
  /** Five nodes, one after the other, offer one more service: all five together. */
  readonly changes: Phase;
  /** How long it took each time until all nodes listed it. */
  readonly changeMs: Spread;
  /** A router is killed: until nobody has a way to it, nor lists its services, and the stores of all others are equal again; and a second more. */
  readonly death: Phase;
  /** Links that it had, and leaves that had no other. */
  readonly dead: { readonly links: number; readonly orphans: number };
  /** The 150 s after that, in which all forget it. */
  readonly forgetting: Phase;
  /** Heap and buffers of the process at rest, a node; the simulator's part included. */
  readonly heldBytes: number;
  /** Events of the simulation. */
  readonly events: number;
}

export const changeCount = 5;
/** Longer than links are young: then the news of what they cost is over. */
const quietMs = 40_000;
/** What is on its way when all know is through after that. */
const tailMs = 1000;
const idleMs = 60_000;
/** Longer than what is known of the dead lasts. */
const forgettingMs = 150_000;

/** Lets a mesh start, changes something, kills a router, and tells what each took. The same arguments give the same figures, but for `heldBytes`. */
export async function measureScaling({ nodes, seed, progress = () => undefined }: MeasureOptions): Promise<Scaling> {
  const random = new SeededRandom(seed, "measure");
  await warmUp();
  const heldBefore = await heldBytes();
  const mesh = new Mesh({ nodes, seed });
  const { world, layout } = mesh;
  const pass = async (ms: number): Promise<number> => {
    await world.run(ms);
    return ms;
  };

  mesh.start();
  const coldStart = await measurePhase(mesh, () => mesh.within("all stores are equal", sameStores(mesh.nodes)));
  progress(`all stores are equal after ${Math.round(coldStart.ms)} ms`);
  const settling = await measurePhase(mesh, () => mesh.rest(quietMs));
  progress(`no record changed any more after another ${Math.round(settling.ms)} ms`);
  const idle = await measurePhase(mesh, () => pass(idleMs));
  const held = ((await heldBytes()) - heldBefore) / nodes;
  const { size, byteLength } = mesh.nodes[0]!.running.store;
  progress(`at rest a node keeps ${size} records of ${byteLength} bytes, in ${Math.round(held)} bytes`);

  const took: number[] = [];
  const changes = await measurePhase(mesh, async () => {
    for (let i = 0; i < changeCount; i += 1) {
      took.push(await change(mesh, random.pick(mesh.nodes), `change-${i}`));
      await world.run(tailMs);
    }
    return spreadOf(took).mean;
  });
  progress(`a change is known to all after ${took.map((ms) => Math.round(ms)).join(", ")} ms`);

  const victim = ordinaryRouter(mesh);
  const neighbours = mesh.neighboursOf(victim.number);
  const orphans = neighbours.filter((number) => mesh.neighboursOf(number).length === 1).map((number) => mesh.nodes[number]!);
  const death = await measurePhase(mesh, async () => {
    victim.crash();
    const lost = [victim, ...orphans];
    const ms = await mesh.within("all have settled", settled(mesh.running.filter((node) => !lost.includes(node)), lost));
    await world.run(tailMs);
    return ms;
  });
  progress(`all have settled ${Math.round(death.ms)} ms after a router died`);
  const forgetting = await measurePhase(mesh, () => pass(forgettingMs));

  return {
    nodes,
    routers: layout.routers,
    leaves: layout.leaves,
    links: layout.links.length,
    services: nodes * mesh.services,
    store: { records: size, bytes: byteLength },
    coldStart,
    settling,
    idle,
    changes,
    changeMs: spreadOf(took),
    death,
    dead: { links: neighbours.length, orphans: orphans.length },
    forgetting,
    heldBytes: held,
    events: world.timeline.events,
  };
}

/** Code that is compiled meanwhile is none of what nodes hold. */
async function warmUp(): Promise<void> {
  const mesh = new Mesh({ nodes: 10, seed: 0 });
  mesh.start();
  await mesh.world.run(2 * quietMs);
}

/** All stores hold the same, of all nodes: each holds its own, always. */
function sameStores(nodes: readonly SimNode[]): () => boolean {
  return everybody(nodes, (node) => {
    const [mine, theirs] = [node.running.store.digest, nodes[0]!.running.store.digest];
    return mine.hi === theirs.hi && mine.lo === theirs.lo && mine.count === theirs.count;
  });
}

/** A node offers one more service; gives how long it takes until all list it. */
function change(mesh: Mesh, owner: SimNode, name: string): Promise<number> {
  owner.running.bind({ name, onconn: (conn) => conn.reset() });
  return mesh.within(`all list ${name}`, everybody(mesh.nodes, (node) => node.running.directory.providers(name).length === 1));
}

/** Nobody has a way to the lost ones, nor lists what they offered, and all agree on everything. */
function settled(nodes: readonly SimNode[], lost: readonly SimNode[]): () => boolean {
  const same = sameStores(nodes);
  const without = everybody(nodes, ({ running: { router, directory } }) =>
    lost.every((gone) => router.reachability.cost(gone.id) === undefined && directory.providers(serviceName(gone, 0)).length === 0),
  );
  return () => without() && same();
}

/** The router that has a middling number of links. */
function ordinaryRouter(mesh: Mesh): SimNode {
  const routers = mesh.nodes.slice(0, mesh.layout.routers).sort((a, b) => mesh.neighboursOf(a.number).length - mesh.neighboursOf(b.number).length);
  return routers[routers.length >> 1]!;
}
