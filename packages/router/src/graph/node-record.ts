import { Decoder, Encoder } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { nodeRoles, type NodeRole } from "../router-options.ts";
import { isWhole } from "../whole.ts";

/** What a node says about itself in its NODE record. */
export interface NodeRecord {
  readonly role: NodeRole;
  /** Whether it carries circuits of others. A node that does not is only ever the end of a path. */
  readonly relays: boolean;
  /** It takes no new circuits of others for now; it can still be reached itself. */
  readonly overloaded: boolean;
  /** It is about to go: no path leads to it or through it any more, but for links that its neighbours have with it. */
  readonly leaving: boolean;
  /** Its static public key, at most 64 bytes; empty where there is none. */
  readonly key: Uint8Array;
  /** Where it may be dialled, each as "network address": at most 8, of at most 512 characters. */
  readonly addresses: readonly string[];
  /** For people: at most 64 bytes of UTF-8. */
  readonly name: string;
  /** How busy it is, 0 … 255. */
  readonly load: number;
  /** Bits of 32. Those that a reader does not know mean nothing to it. */
  readonly features: number;
}

/** The one slot of a NODE record. */
export const nodeSlot = 0x0000;

const maxKeyBytes = 64;
/** Addresses in one record. */
export const maxAddresses = 8;
export const maxAddressLength = 512;
const maxNameBytes = 64;

const encoder = new Encoder({ ignoreUndefined: true });
// A decoder makes room for as many elements as an array claims to have; nothing here has many.
const decoder = new Decoder({ maxArrayLength: 64, maxMapLength: 64, maxStrLength: 4096, maxBinLength: 1024, maxExtLength: 1024 });
const utf8 = new TextEncoder();

/** The payload of a NODE record: one msgpack map, in which what is as usual is left out. Throws EINVAL for what a reader would not take. */
export function encodeNode(node: NodeRecord): Uint8Array {
  const { role, relays, overloaded, leaving, key, addresses, name, load, features } = node;
  if (!nodeRoles.includes(role)) throw invalid(`role ${JSON.stringify(role)} is none of ${nodeRoles.join(", ")}`);
  if (key.length > maxKeyBytes) throw invalid(`a key of ${key.length} bytes is longer than ${maxKeyBytes}`);
  if (addresses.length > maxAddresses) throw invalid(`${addresses.length} addresses are more than ${maxAddresses}`);
  for (const address of addresses) if (!isAddress(address)) throw invalid(`${JSON.stringify(address)} is no address of 1 to ${maxAddressLength} characters`);
  if (!isName(name)) throw invalid(`the name ${JSON.stringify(name)} is no text of at most ${maxNameBytes} bytes`);
  if (!isWhole(load, 0xff)) throw invalid(`load ${String(load)} is not a whole number between 0 and 255`);
  if (!isWhole(features, 0xff_ff_ff_ff)) throw invalid(`features ${String(features)} are not 32 bits`);
  return encoder.encode({
    role,
    relay: relays || undefined,
    over: overloaded || undefined,
    leave: leaving || undefined,
    key: key.length > 0 ? key : undefined,
    addr: addresses.length > 0 ? addresses : undefined,
    name: name === "" ? undefined : name,
    load: load === 0 ? undefined : load,
    feat: features === 0 ? undefined : features,
  });
}

/**
 * What a NODE record's payload says; undefined where it says nothing that is understood. Never throws. Unknown fields are ignored, and
 * a role of a later version offers no more than a peer does.
 */
export function decodeNode(payload: Uint8Array): NodeRecord | undefined {
  const { role, relay = false, over = false, leave = false, key = new Uint8Array(), addr = [], name = "", load = 0, feat = 0 } = decodeMap(payload);
  if (typeof role !== "string" || typeof relay !== "boolean" || typeof over !== "boolean" || typeof leave !== "boolean") return undefined;
  if (!(key instanceof Uint8Array) || key.length > maxKeyBytes || !Array.isArray(addr)) return undefined;
  if (!isName(name) || !isWhole(load, 0xff) || !isWhole(feat, 0xff_ff_ff_ff)) return undefined;
  return {
    role: nodeRoles.find((known) => known === role) ?? "peer",
    relays: relay,
    overloaded: over,
    leaving: leave,
    key: key.slice(),
    addresses: addr.filter(isAddress).slice(0, maxAddresses),
    name,
    load,
    features: feat,
  };
}

/** The fields of a payload, none where it is no map: what else msgpack can say has no field of these names. */
function decodeMap(payload: Uint8Array): Record<string, unknown> {
  try {
    return (decoder.decode(payload) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function isAddress(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxAddressLength;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && utf8.encode(value).length <= maxNameBytes;
}

function invalid(why: string): AstraError {
  return new AstraError("EINVAL", `a NODE record cannot say that: ${why}`);
}
