import { Decoder, Encoder } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { isNodeId, nodeIdFromBytes, nodeIdToBytes, type NodeId } from "../node-id.ts";

/** What the stream of a circuit says when it is opened, from one hop to the next. */
export interface CircuitHeader {
  /** Every node from the opener to the target, both included. */
  readonly path: readonly NodeId[];
  /** Which of them reads this header: 1 is the opener's neighbour. */
  readonly index: number;
  /** 8 random bytes of the opener's, the same on every hop: what the nodes on the way call this circuit. */
  readonly id: Uint8Array;
  /** Whether bytes shall flow, or only the round trips of the path be told. */
  readonly kind: "circuit" | "trace";
}

/** Nodes of a path at most, the ends included. */
export const maxPathNodes = 16;

/** A header is at most this long: every peer takes so much before its settings are known. */
export const maxCircuitHeader = 1024;

/** Bytes of a circuit's id. */
export const circuitIdBytes = 8;

const nodeIdBytes = 8;
const traceKind = 1;

const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder({ maxArrayLength: 16, maxMapLength: 32, maxStrLength: 512, maxBinLength: maxCircuitHeader, maxExtLength: maxCircuitHeader });

/** Throws EINVAL for a path or index that cannot be. */
export function encodeCircuitHeader(header: CircuitHeader): Uint8Array {
  const wrong = wrongPath(header.path) ?? wrongIndex(header.path, header.index);
  if (wrong !== undefined) throw new AstraError("EINVAL", `a circuit cannot be opened: ${wrong}`);
  const path = new Uint8Array(header.path.length * nodeIdBytes);
  header.path.forEach((id, i) => path.set(nodeIdToBytes(id), i * nodeIdBytes));
  return encoder.encode({ p: path, i: header.index, c: header.id, k: header.kind === "trace" ? traceKind : undefined });
}

/** Throws ERR_ASTRANET_PROTOCOL for a malformed one; fields that are not known are ignored. */
export function decodeCircuitHeader(bytes: Uint8Array): CircuitHeader {
  if (bytes.length > maxCircuitHeader) throw malformed(`it has ${bytes.length} bytes, ${maxCircuitHeader} are allowed`);
  let wire: unknown;
  try {
    wire = decoder.decode(bytes);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
  if (typeof wire !== "object" || wire === null || Array.isArray(wire)) throw malformed("it is no map");
  const { p: packed, i: index, c: id, k: kind } = wire as Record<string, unknown>;
  if (!(packed instanceof Uint8Array) || packed.length % nodeIdBytes !== 0) throw malformed("its path");
  if (packed.length > maxPathNodes * nodeIdBytes) throw malformed(`its path has ${packed.length / nodeIdBytes} nodes, ${maxPathNodes} are allowed`);
  const path: NodeId[] = [];
  for (let at = 0; at < packed.length; at += nodeIdBytes) path.push(nodeIdFromBytes(packed.subarray(at, at + nodeIdBytes)));
  const wrong = wrongPath(path) ?? wrongIndex(path, index);
  if (wrong !== undefined) throw malformed(wrong);
  if (!(id instanceof Uint8Array) || id.length !== circuitIdBytes) throw malformed("its id");
  if (kind !== undefined && kind !== traceKind) throw malformed("its kind is not known");
  return { path, index: index as number, id: id.slice(), kind: kind === traceKind ? "trace" : "circuit" };
}

function wrongPath(path: readonly NodeId[]): string | undefined {
  if (path.length < 2 || path.length > maxPathNodes) return `its path has ${path.length} nodes, not 2 to ${maxPathNodes}`;
  if (!path.every(isNodeId)) return "its path holds what is no node id";
  // A node that came twice would be a loop: it is this check, on every hop, that makes loops impossible.
  if (new Set(path).size !== path.length) return "its path visits a node twice";
  return undefined;
}

function wrongIndex(path: readonly NodeId[], index: unknown): string | undefined {
  const fits = typeof index === "number" && Number.isInteger(index) && index >= 1 && index < path.length;
  return fits ? undefined : `its index ${String(index)} is not within its path`;
}

function malformed(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a circuit's header is malformed: ${what}`);
}
