import { AstraError } from "@astranet/transport";
import type { EndKind } from "../message/kinds.ts";
import { varintBytes, VarintReader, writeVarint } from "../message/varint.ts";

/** An end that travels beside a message, over a stream of its own. */
export interface Reference {
  /** What the receiver of the message gets. */
  readonly kind: EndKind;
  /** What the stream says first. Unique among those that one side has opened. */
  readonly id: number;
}

const kinds: readonly EndKind[] = ["sender", "receiver", "readable", "writable", "duplex"];

/** What most messages need in front of them: their length, up to 2^49, and that they have no references. */
export const frameRoom = 8;

/**
 * length varint | count varint | count × (kind u8, id varint) | payload. The first `room` bytes of `payload` are not of it: where what comes before a message fits there, it is not copied.
 */
export function encodeMessage(payload: Uint8Array, references: readonly Reference[], room = 0): Uint8Array {
  return references.length === 0 && room >= frameRoom ? framed(payload, room) : copied(payload.subarray(room), references);
}

function framed(payload: Uint8Array, room: number): Uint8Array {
  const length = payload.length - room + 1;
  const begin = room - 1 - varintBytes(length);
  payload[writeVarint(payload, begin, length)] = 0;
  return payload.subarray(begin);
}

function copied(payload: Uint8Array, references: readonly Reference[]): Uint8Array {
  let listBytes = varintBytes(references.length);
  for (const { id } of references) listBytes += 1 + varintBytes(id);
  const length = listBytes + payload.length;
  const bytes = new Uint8Array(varintBytes(length) + length);
  let at = writeVarint(bytes, 0, length);
  at = writeVarint(bytes, at, references.length);
  for (const { kind, id } of references) {
    bytes[at++] = kinds.indexOf(kind) + 1;
    at = writeVarint(bytes, at, id);
  }
  bytes.set(payload, at);
  return bytes;
}

export const none: readonly never[] = [];

/** What `encodeMessage` made, without its length. Throws ERR_ASTRANET_PROTOCOL. */
export function decodeMessage(body: Uint8Array, maxReferences: number): { readonly references: readonly Reference[]; readonly payload: Uint8Array } {
  // Most messages have none.
  if (body[0] === 0) return { references: none, payload: body.subarray(1) };
  let at = 0;
  const varint = new VarintReader();
  const next = (): number => {
    for (;;) {
      if (at >= body.length) throw malformed("it is cut short");
      const value = varint.push(body[at++]!);
      if (value === -1) throw malformed("a number in it is too large");
      if (value !== undefined) return value;
    }
  };
  const count = next();
  if (count > maxReferences) throw malformed(`it has ${count} channels and byte streams, and maxReferences is ${maxReferences}`);
  const references: Reference[] = [];
  for (let i = 0; i < count; i += 1) {
    const kind = kinds[(body[at++] ?? 0) - 1];
    if (kind === undefined) throw malformed("it has something in it of a kind that is not known");
    const id = next();
    // No stream has it: the message would wait for one in vain.
    if (id === 0) throw malformed("it has something in it whose number is 0");
    references.push({ kind, id });
  }
  return { references, payload: body.subarray(at) };
}

function malformed(why: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a message is malformed: ${why}`);
}
