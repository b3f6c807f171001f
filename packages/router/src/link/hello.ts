import { AstraError } from "@astranet/transport";
import { isNodeId, nodeIdFromBytes, nodeIdToBytes, type NodeId } from "../node-id.ts";
import { nodeRoles, type NodeRole } from "../router-options.ts";
import { isWhole } from "../whole.ts";
import type { ControlMessage } from "./control-codec.ts";
import { protocolVersion } from "./preamble.ts";

/** Who an end of a link is. The first message of either side on the control stream. */
export interface Hello {
  readonly protoMin: number;
  readonly protoMax: number;
  readonly id: NodeId;
  /** Tells two nodes apart that claim one id. */
  readonly key: Uint8Array;
  /** Tells two processes apart that share a key: random, for a router's whole life. */
  readonly instance: Uint8Array;
  readonly incarnation: bigint;
  /** Random, for each link: a node that meets one of its own is linked with itself. */
  readonly nonce: Uint8Array;
  readonly role: NodeRole;
  readonly idleTimeoutMs: number;
  readonly features: number;
  /** Where this node listens; at most 8. */
  readonly listens: readonly string[];
  /** What the sender sees as the other end's address. */
  readonly observed: string;
  /** The dialler's: which network and address it dialled. "" on an attached connection, and from the side that was dialled. */
  readonly dialled: string;
}

/** At most so many addresses, and characters in each. */
const maxListens = 8;
const maxAddress = 512;


export function helloMessage(hello: Hello): ControlMessage {
  return {
    t: "hello",
    min: hello.protoMin,
    max: hello.protoMax,
    id: nodeIdToBytes(hello.id),
    key: hello.key,
    inst: hello.instance,
    inc: bigintToBytes(hello.incarnation),
    nonce: hello.nonce,
    role: hello.role,
    idle: hello.idleTimeoutMs,
    feat: hello.features,
    listen: hello.listens.filter((address) => address.length <= maxAddress).slice(0, maxListens),
    seen: hello.observed.slice(0, maxAddress),
    dialled: hello.dialled.slice(0, maxAddress),
  };
}

/** The Hello in a message. Throws ERR_ASTRANET_PROTOCOL for a malformed one, ERR_ASTRANET_HANDSHAKE where no version is common. */
export function parseHello(message: ControlMessage): Hello {
  const { min, max } = message;
  if (!isWhole(min, 255) || !isWhole(max, 255) || min > max) throw malformed("its versions");
  if (min > protocolVersion || max < protocolVersion) {
    throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end speaks versions ${min} to ${max} of the node protocol, we speak ${protocolVersion}`);
  }
  const { id: idBytes, key, inst, inc, nonce, role, idle, feat = 0, listen = [], seen = "", dialled = "" } = message;
  const id = isBytes(idBytes, 8, 8) ? nodeIdFromBytes(idBytes) : "";
  if (!isNodeId(id)) throw malformed("its node id");
  if (!isBytes(key, 0, 64)) throw malformed("its key");
  if (!isBytes(inst, 1, 64)) throw malformed("its instance");
  if (!isBytes(inc, 8, 8)) throw malformed("its incarnation");
  const incarnation = new DataView(inc.buffer, inc.byteOffset, 8).getBigUint64(0);
  if (incarnation > 2n ** 63n) throw malformed("its incarnation, which is beyond 2^63");
  if (!isBytes(nonce, 8, 64)) throw malformed("its nonce");
  if (!isWhole(idle, 0xff_ff_ff_ff) || !isWhole(feat, 0xff_ff_ff_ff)) throw malformed("its idle timeout or features");
  if (!Array.isArray(listen) || !listen.every(isAddress)) throw malformed("its addresses");
  if (!isAddress(seen) || !isAddress(dialled)) throw malformed("its addresses");
  return {
    protoMin: min,
    protoMax: max,
    id,
    key: key.slice(),
    instance: inst.slice(),
    incarnation,
    nonce: nonce.slice(),
    // A role of a later version offers no more than a peer does.
    role: nodeRoles.find((known) => known === role) ?? "peer",
    idleTimeoutMs: idle,
    features: feat,
    listens: listen.slice(0, maxListens),
    observed: seen,
    dialled,
  };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function bigintToBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function isBytes(value: unknown, least: number, most: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= least && value.length <= most;
}

function isAddress(value: unknown): value is string {
  return typeof value === "string" && value.length <= maxAddress;
}

function malformed(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `the other end's HELLO is malformed: ${what}`);
}
