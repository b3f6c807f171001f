import { AstraError } from "@astranet/transport";
import { recordKinds } from "@astranet/discovery";
import { isNodeId, nodeIdFromBytes, nodeIdToBytes, type NodeId } from "../node-id.ts";

/** One neighbour in an ADJ record: the origin has a link with it that is up. */
export interface Neighbour {
  readonly id: NodeId;
  /** What the link costs as seen from the origin: 1 … 10,000, about its round trip in milliseconds. */
  readonly cost: number;
  /** What kind of link it is; 0, an ordinary one, is the only kind so far. A hint, which no path depends on. */
  readonly kind: number;
}

/** Costs on the wire end here: a link of ten seconds is as bad as it gets. */
export const maxLinkCost = 10_000;

/** The fragments over which neighbours may be spread, and so the slots of this kind that mean something: 0x0100 … 0x013f. */
export const fragmentCounts: readonly number[] = [1, 4, 16, 64];
export const maxFragments = 64;

/** A fragment lists at most so many neighbours, and 64 of them 16,384: four times as many as a node has links. */
export const maxFragmentEntries = 256;

const entryBytes = 11;

/** The slot of fragment `index`. */
export function adjacencySlot(index: number): number {
  return (recordKinds.adjacency << 8) | index;
}

/** Which of `count` fragments a neighbour belongs to: the lowest bits of its id. */
export function fragmentOf(id: NodeId, count: number): number {
  return Number.parseInt(id.slice(-2), 16) & (count - 1);
}

/**
 * The payload of an ADJ fragment: the length of an entry u8, then the entries, each id u64 | cost u16 | kind u8, ids ascending.
 * No neighbours are no bytes. Throws EINVAL for what a reader would not take.
 */
export function encodeAdjacency(neighbours: readonly Neighbour[]): Uint8Array {
  if (neighbours.length === 0) return new Uint8Array();
  if (neighbours.length > maxFragmentEntries) throw invalid(`${neighbours.length} neighbours are more than ${maxFragmentEntries}`);
  const bytes = new Uint8Array(1 + neighbours.length * entryBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = entryBytes;
  let at = 1;
  for (const { id, cost, kind } of [...neighbours].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!isNodeId(id)) throw invalid(`${JSON.stringify(id)} is no node id`);
    if (!Number.isInteger(cost) || cost < 1 || cost > maxLinkCost) throw invalid(`the cost of ${id}, ${cost}, is no whole number from 1 to ${maxLinkCost}`);
    if (!Number.isInteger(kind) || kind < 0 || kind > 0xff) throw invalid(`the kind of ${id}, ${kind}, is not 8 bits`);
    bytes.set(nodeIdToBytes(id), at);
    view.setUint16(at + 8, cost);
    bytes[at + 10] = kind;
    at += entryBytes;
  }
  return bytes;
}

/**
 * The neighbours that an ADJ fragment lists. Never throws: an entry that is not understood says nothing, and entries of a later version
 * may be longer. Costs outside of their range are taken as its nearest end.
 */
export function decodeAdjacency(payload: Uint8Array): Neighbour[] {
  const length = payload[0] ?? 0;
  if (length < entryBytes) return [];
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const neighbours: Neighbour[] = [];
  for (let at = 1; at + length <= payload.length && neighbours.length < maxFragmentEntries; at += length) {
    const id = nodeIdFromBytes(payload.subarray(at, at + 8));
    if (!isNodeId(id)) continue;
    neighbours.push({ id, cost: Math.min(Math.max(view.getUint16(at + 8), 1), maxLinkCost), kind: payload[at + 10]! });
  }
  return neighbours;
}

function invalid(why: string): AstraError {
  return new AstraError("EINVAL", `an ADJ record cannot say that: ${why}`);
}
