import { channelsOpenedAndClosed } from "../../packages/channel/test/leaks/channels-opened-and-closed.ts";

/**
 * A million channels opened and closed, a third by hand and two thirds within messages: `pnpm proof channel-leaks [channels]`.
 * Fails where streams are left, or more than 2 MB of heap.
 */
const count = Number(process.argv[2] ?? 1_000_000);
const start = performance.now();
const { heapBytes, streams } = await channelsOpenedAndClosed(count);
console.log(`${String(count)} channels opened and closed in ${((performance.now() - start) / 1000).toFixed(1)} s: ${String(streams)} streams left, ${(heapBytes / 1000).toFixed(0)} kB of heap more than before`);
if (streams > 0 || heapBytes > 2_000_000) process.exitCode = 1;
