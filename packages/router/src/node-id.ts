import { AstraError, type RandomSource } from "@astranet/transport";

/**
 * A node's id: a uint64 written as 16 lower-case hexadecimal digits, of which at least one is a letter
 * (`new URL("http://1234567890123456/")` throws, so an id without a letter could not be the host of a URL). Never a number.
 */
export type NodeId = string;

const idLike = /^[0-9a-f]{16}$/;
const letter = /[a-f]/;

/** Whether `text` is written like an id: 16 lower-case hexadecimal digits, with or without a letter. Such a text is never a service name. */
export function isIdLike(text: string): boolean {
  return idLike.test(text);
}

/** Whether `text` is a valid id. */
export function isNodeId(text: unknown): text is NodeId {
  return typeof text === "string" && idLike.test(text) && letter.test(text);
}

/** Gives `text` back as an id, or throws EINVAL saying what is wrong with it. */
export function parseNodeId(text: string): NodeId {
  if (isNodeId(text)) return text;
  const quoted = JSON.stringify(text);
  if (idLike.test(text)) throw new AstraError("EINVAL", `node id ${quoted} holds no letter, so it could not be the host of a URL`);
  if (/^[0-9a-fA-F]{16}$/.test(text)) throw new AstraError("EINVAL", `node id ${quoted} has upper-case digits; ids are written in lower case`);
  throw new AstraError("EINVAL", `node id ${quoted} is not 16 hexadecimal digits`);
}

/** Draws an id at random, again and again until it holds a letter (999 of 1,000 do at once). */
export function drawNodeId(random: RandomSource): NodeId {
  for (;;) {
    const id = nodeIdFromBytes(random(8));
    if (letter.test(id)) return id;
  }
}

/** A store of thousands of links reads tens of thousands of ids: from a table they take half the time. */
const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The text of an id's 8 bytes, most significant first. */
export function nodeIdFromBytes(bytes: Uint8Array): string {
  let id = "";
  for (const byte of bytes) id += pairs[byte] ?? "";
  return id;
}

/** An id's 8 bytes, most significant first. */
export function nodeIdToBytes(id: NodeId): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, i) => Number.parseInt(id.slice(2 * i, 2 * i + 2), 16));
}
