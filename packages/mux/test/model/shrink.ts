/**
 * Leaves out of a list what a failure does not need (delta debugging): parts of it, ever smaller, as long as `fails` says
 * that the rest still fails. At most `budget` tries.
 */
export async function shrink<T>(items: readonly T[], fails: (items: readonly T[]) => Promise<boolean>, budget = 600): Promise<readonly T[]> {
  let current = items;
  let size = Math.ceil(current.length / 2);
  let tries = 0;
  while (size >= 1 && tries < budget) {
    let left = false;
    for (let at = 0; at < current.length && tries < budget; ) {
      const rest = [...current.slice(0, at), ...current.slice(at + size)];
      tries++;
      if (rest.length > 0 && (await fails(rest))) {
        current = rest;
        left = true;
      } else at += size;
    }
    if (size === 1 && !left) break;
    size = Math.max(1, Math.floor(size / 2));
  }
  return current;
}
