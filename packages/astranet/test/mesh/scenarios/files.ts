import assert from "node:assert/strict";
import { Mesh } from "../mesh.ts";
import { type Figures, megabytes, MiB, milliseconds, speed } from "./scenario.ts";

/** A relay may hold so much of what it carries. */
const relayGrowth = 64 * MiB;

/** How a file goes from C to A. */
export interface FileOptions {
  readonly bytes: number;
  /** In a row, between A and C. */
  readonly relays: number;
  readonly insecure?: boolean;
}

/** A, which knows only the first relay, dials by name what C offers, which knows only the last; the file comes whole, and the relays have seen nothing of it. */
export async function fileThroughRelays({ bytes, relays: count, insecure = false }: FileOptions): Promise<Figures> {
  await using mesh = new Mesh(insecure ? { insecure } : {});
  const { a, c, relays } = await mesh.row(count, { taps: true });
  await c.call("serveFiles", "files", bytes);
  assert.equal(await a.call("waitFor", "files"), c.id);
  const received = await a.call("download", "files");
  const sent = await c.call("sent");
  assert.deepEqual([received.bytes, received.sha256], [bytes, sent.sha256]);
  assert.deepEqual([a, c].map((node) => node.events.filter(({ name }) => name === "linkup").map(({ peer }) => peer)), [[relays[0]!.id], [relays.at(-1)!.id]]);
  const seen = await Promise.all(relays.map((relay) => relay.call("tapped")));
  for (const tapped of seen) {
    assert.ok(tapped!.bytes > bytes, `the tap heard ${String(tapped!.bytes)} bytes`);
    if (insecure) assert.ok(tapped!.whole > 0 && tapped!.pieces >= tapped!.whole, "in clear, the tap finds the marker");
    else assert.deepEqual([tapped!.whole, tapped!.pieces], [0, 0]);
  }
  const { path, hops, why } = await a.call("trace", "files");
  assert.deepEqual(path, [a, ...relays, c].map(({ id }) => id));
  assert.deepEqual(hops.map(({ id }) => id), path.slice(1));
  assert.ok(hops.every(({ rttMs }) => rttMs >= 0));
  assert.match(why, /the only provider of "files"/);
  return {
    MB: megabytes(bytes),
    "MB/s": speed(received),
    "markers seen at each relay": seen.map((tapped) => tapped!.whole).join(", "),
    "hops, ms": hops.map(({ rttMs }) => milliseconds(rttMs)).join(", "),
  };
}

/** A sends as fast as it may, and C reads a MiB only when it is told to: what lies at the relay stays within bounds. */
export async function slowReader({ bytes, relays: count }: Omit<FileOptions, "insecure">): Promise<Figures> {
  await using mesh = new Mesh();
  const { a, c, relays } = await mesh.row(count);
  const relay = relays[0]!;
  await c.call("serveSlowly", "slow");
  await a.call("waitFor", "slow");
  await relay.call("forgetPeak");
  const { rss: before } = await relay.call("memory");
  await a.call("beginUpload", "slow", bytes);
  let mostHeld = 0;
  let ahead = 0;
  let read = await c.call("read", MiB);
  while (read.bytes < bytes) {
    const [{ relayBytes }, taken] = await Promise.all([relay.call("circuits"), a.call("taken")]);
    mostHeld = Math.max(mostHeld, relayBytes);
    // Once the writer is through, it is no more in front of the reader than what is left.
    if (taken < bytes) ahead = Math.max(ahead, taken - read.bytes);
    read = await c.call("read", MiB);
  }
  const sent = await a.call("uploaded");
  const { peakRss } = await relay.call("memory");
  assert.deepEqual([read.bytes, read.sha256], [bytes, sent.sha256]);
  assert.ok(ahead >= MiB, `the writer was ${String(ahead)} bytes in front of the reader, at most`);
  assert.ok(peakRss - before <= relayGrowth, `the relay grew by ${String(megabytes(peakRss - before))} MB`);
  return { MB: megabytes(bytes), "relay's RSS before, MB": megabytes(before), "grew by, MB": megabytes(Math.max(0, peakRss - before)), "most bytes at the relay": mostHeld, "writer ahead by, MB": megabytes(ahead) };
}
