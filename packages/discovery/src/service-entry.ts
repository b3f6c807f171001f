import { Encoder, decodeMulti } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { isEnv, isServiceName, maxPort } from "./names.ts";

/** What an owner says about one of its services. */
export interface ServiceEntry {
  readonly name: string;
  readonly env: string;
  readonly port: number;
  /** 0 … 255; 0 is draining: offered to nobody. */
  readonly weight: number;
  /** Dialable by name, but not listed. */
  readonly hidden: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** It is offered only if nobody else's exclusive one of that name is older: when it was bound, in milliseconds since 1970. Undefined: not exclusive. */
  readonly exclusiveSince: number | undefined;
}

/** At most so many tags a service. */
const maxTags = 16;

/** … and so many bytes of them, keys and values together. */
const maxTagBytes = 512;

/** The default weight; twice of it gets twice the dials under 'weighted' and affinity. */
export const defaultWeight = 100;

/** What tells the entries of one origin apart. */
export function entryKey(entry: Pick<ServiceEntry, "name" | "env" | "port">): string {
  return `${entry.env}/${entry.name}:${entry.port}`;
}

const encoder = new Encoder();
const utf8 = new TextEncoder();

/**
 * What a decoder may build out of a payload. It makes room for as many elements as an array says it has, so a few bytes
 * could ask for a lot of memory; nothing in an entry needs a long array.
 */
const decodeLimits = { maxArrayLength: 16, maxMapLength: 64, maxStrLength: 1024, maxBinLength: 1024, maxExtLength: 1024 };

/** One of the msgpack maps that lie back to back in the payload of a SVC record. A reader takes the fields that it knows. */
export function encodeEntry(entry: ServiceEntry): Uint8Array {
  return encoder.encode(toWire(entry));
}

function toWire(entry: ServiceEntry): Record<string, unknown> {
  // The weight always, so that draining never makes an entry longer, and never fails for want of room.
  const wire: Record<string, unknown> = { n: entry.name, p: entry.port, w: entry.weight };
  if (entry.env !== "") wire["e"] = entry.env;
  if (entry.hidden) wire["h"] = true;
  if (Object.keys(entry.tags).length > 0) wire["t"] = entry.tags;
  if (entry.exclusiveSince !== undefined) wire["x"] = entry.exclusiveSince;
  return wire;
}

/**
 * The entries in a SVC record's payload. Never throws: an entry that is not understood says nothing, so that a later version
 * may write what this one cannot read; where the bytes are no msgpack at all, what follows says nothing either.
 */
export function decodeEntries(payload: Uint8Array): ServiceEntry[] {
  const entries: ServiceEntry[] = [];
  try {
    for (const wire of decodeMulti(payload, decodeLimits)) {
      const entry = fromWire(wire);
      if (entry !== undefined) entries.push(entry);
    }
  } catch {
    // What came before it counts.
  }
  return entries;
}

function fromWire(wire: unknown): ServiceEntry | undefined {
  if (wire === null) return undefined;
  const { n: name, e: env = "", p: port, w: weight = defaultWeight, h: hidden = false, t: tags, x: since } = wire as Record<string, unknown>;
  if (!isServiceName(name) || !isEnv(env) || !isWhole(port, 1, maxPort) || !isWhole(weight, 0, 255)) return undefined;
  if (since !== undefined && !isWhole(since, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  const known = tags === undefined ? noTags : knownTags(tags);
  return known === undefined ? undefined : { name, env, port, weight, hidden: hidden === true, tags: known, exclusiveSince: since };
}

/** What most entries have. */
const noTags: Readonly<Record<string, string>> = Object.freeze({});

function knownTags(tags: unknown): Record<string, string> | undefined {
  if (typeof tags !== "object" || tags === null) return undefined;
  const pairs = Object.entries(tags).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  // fromEntries defines properties, so a tag named __proto__ is only a tag.
  return tagsRefusal(pairs) === undefined ? Object.fromEntries(pairs) : undefined;
}

/** Checks what an application says about a service of its own; throws EINVAL. */
export function checkEntry(entry: ServiceEntry): ServiceEntry {
  const fail = (why: string): AstraError => new AstraError("EINVAL", `service ${JSON.stringify(entry.name)}: ${why}`);
  if (!isWhole(entry.port, 1, maxPort)) throw fail(`port ${String(entry.port)} is not between 1 and ${maxPort}`);
  if (!isWhole(entry.weight, 0, 255)) throw fail(`weight ${String(entry.weight)} is not a whole number between 0 and 255`);
  if (!isEnv(entry.env)) throw fail(`env ${JSON.stringify(entry.env)} is malformed`);
  const pairs = Object.entries(entry.tags);
  const wrong = pairs.find((pair) => typeof pair[1] !== "string");
  if (wrong !== undefined) throw fail(`tag ${JSON.stringify(wrong[0])} is not a string`);
  const refusal = tagsRefusal(pairs);
  if (refusal !== undefined) throw fail(refusal);
  return entry;
}

function tagsRefusal(pairs: readonly (readonly [string, string])[]): string | undefined {
  if (pairs.length > maxTags) return `${pairs.length} tags are more than ${maxTags}`;
  const bytes = pairs.reduce((sum, [key, value]) => sum + utf8.encode(key).length + utf8.encode(value).length, 0);
  return bytes > maxTagBytes ? `${bytes} bytes of tags are more than ${maxTagBytes}` : undefined;
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
