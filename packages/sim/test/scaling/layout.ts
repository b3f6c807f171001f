import type { SeededRandom } from "@astranet/sim";

/** Who dials whom in a mesh, by number: routers come first, leaves after them. */
export interface Layout {
  readonly routers: number;
  readonly leaves: number;
  /** The first of each pair dials the second. */
  readonly links: readonly (readonly [from: number, to: number])[];
}

/** Of a thousand nodes so many are routers. */
const routersAThousand = 300;

/**
 * A connected graph of routers that have three links each, and leaves that dial one or two of them: drawn, but the same for the same seed. The routers form a
 * ring in random order, and each one dials a random other one besides; so the death of any of them leaves the others connected. Where there are too few, or an odd number of
 * them, some have two.
 */
export function drawLayout(nodes: number, random: SeededRandom): Layout {
  const routers = Math.max(1, Math.round((nodes * routersAThousand) / 1000));
  const links = new Map<string, readonly [number, number]>();
  const join = (from: number, to: number): void => {
    const key = `${Math.min(from, to)} ${Math.max(from, to)}`;
    if (from !== to && !links.has(key)) links.set(key, [from, to]);
  };
  const numbers = Array.from({ length: routers }, (_, i) => i);
  const ring = random.shuffled(numbers);
  for (const [i, router] of ring.entries()) join(router, ring[(i + 1) % routers]!);
  const pairs = random.shuffled(numbers);
  for (let i = 0; i + 1 < routers; i += 2) join(pairs[i]!, pairs[i + 1]!);
  for (let leaf = routers; leaf < nodes; leaf += 1) {
    join(leaf, random.pick(numbers));
    if (random.chance(0.5)) join(leaf, random.pick(numbers));
  }
  return { routers, leaves: nodes - routers, links: [...links.values()] };
}
