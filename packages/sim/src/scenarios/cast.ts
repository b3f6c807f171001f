import type { Conn, RouterOptions } from "@astranet/router";
import { AstraError, type AstraErrorCode } from "@astranet/transport";
import type { SimNode, SimNodeOptions } from "../node/sim-node.ts";
import type { World } from "../world.ts";

/** Running nodes by name, each with an echo service called as it is. Names that begin with `r` are routers, others relay nothing. */
export function cast<Name extends string>(world: World, names: readonly Name[], options: SimNodeOptions = {}): Record<Name, SimNode> {
  const nodes: Partial<Record<Name, SimNode>> = {};
  for (const name of names) {
    const router: Partial<RouterOptions> = { role: name.startsWith("r") ? "router" : "peer", ...options.router };
    const node = world.add({ ...options, name, router });
    node.start();
    node.running.bind({ name, onconn: (conn) => void echo(conn) });
    nodes[name] = node;
  }
  return nodes as Record<Name, SimNode>;
}

/** Sends back what comes. */
async function echo(conn: Conn): Promise<void> {
  try {
    for await (const chunk of conn) await conn.write(chunk);
    await conn.end();
  } catch {
    conn.reset();
  }
}

/** Joins each pair: the first dials the second. */
export function link(...pairs: readonly (readonly [SimNode, SimNode])[]): void {
  for (const [from, to] of pairs) from.join(to.address);
}

export function reaches(from: SimNode, to: SimNode): boolean {
  return from.running.router.reachability.cost(to.id) !== undefined;
}

/** Whether `from` has a link with `to`, of which it believes that it is up. */
export function isLinked(from: SimNode, to: SimNode): boolean {
  return from.running.router.links.some(({ peer, state }) => peer === to.id && state === "up");
}

/** Whether `from` lists a service of `owner`. */
export function lists(from: SimNode, owner: SimNode, name: string): boolean {
  return [...from.running.directory.registry()].some((service) => service.id === owner.id && service.name === name);
}

/** What became of a promise, as soon as something did. */
export interface Outcome<T> {
  readonly at: number;
  readonly value?: T;
  readonly error?: unknown;
}

/** Follows a promise, so that a scenario can look at it at any time. */
export function follow<T>(world: World, promise: Promise<T>): { outcome: Outcome<T> | undefined } {
  const followed: { outcome: Outcome<T> | undefined } = { outcome: undefined };
  promise.then(
    (value) => (followed.outcome = { at: world.now, value }),
    (error: unknown) => (followed.outcome = { at: world.now, error }),
  );
  return followed;
}

/** The code that a promise was rejected with; undefined where it was not, or with something else. */
export function codeOf(outcome: Outcome<unknown> | undefined): AstraErrorCode | undefined {
  return AstraError.is(outcome?.error) ? outcome.error.code : undefined;
}

/** How long word of a change takes, in milliseconds: `hops` links of `latencyMs`, the batches, and the back-off of the search for paths. */
export function propagationMs(hops: number, latencyMs: number): number {
  return hops * (latencyMs + 20) + 50 + 400;
}

export const idleTimeoutMs = 15_000;
