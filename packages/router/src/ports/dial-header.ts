import { Decoder, Encoder } from "@msgpack/msgpack";
import { AstraError } from "@astranet/transport";
import { isNodeId, nodeIdFromBytes, nodeIdToBytes } from "../node-id.ts";
import { isWhole } from "../whole.ts";
import type { ConnAddress } from "./port-types.ts";

/** What resets the stream of a dial that the other node does not allow. */
export const dialDenied = 256;

/** What a dial says: where to, by what name, and who dials. */
export interface DialHeader {
  /** 0: whichever port `service` is on. */
  readonly port: number;
  readonly service: string | undefined;
  readonly env: string;
  readonly from: ConnAddress;
  readonly trace: string | undefined;
}

/** The largest virtual port. */
export const maxPort = 0xff_ff_ff_ff;

/** The longest trace context. */
export const maxTrace = 512;

const maxText = 255;

const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder({ maxArrayLength: 16, maxMapLength: 32, maxStrLength: maxTrace, maxBinLength: 1024, maxExtLength: 1024 });

export function encodeDialHeader(header: DialHeader): Uint8Array {
  const { port, service, env, from, trace } = header;
  return encoder.encode({
    p: port === 0 ? undefined : port,
    s: service,
    e: env === "" ? undefined : env,
    f: { i: nodeIdToBytes(from.id), p: from.port },
    t: trace,
  });
}

/** Throws ERR_ASTRANET_PROTOCOL for a malformed one; fields that are not known are ignored. */
export function decodeDialHeader(bytes: Uint8Array): DialHeader {
  let wire: unknown;
  try {
    wire = decoder.decode(bytes);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
  if (!isMap(wire)) throw malformed("it is no map");
  const { p: port = 0, s: service, e: env = "", f: from, t: trace } = wire;
  if (!isWhole(port, maxPort)) throw malformed("its port");
  if (service !== undefined && (!isText(service, maxText) || service === "")) throw malformed("its service");
  if (port === 0 && service === undefined) throw malformed("it names neither port nor service");
  if (!isText(env, maxText)) throw malformed("its env");
  if (!isMap(from)) throw malformed("who it is from");
  const { i: idBytes, p: fromPort } = from;
  const id = idBytes instanceof Uint8Array && idBytes.length === 8 ? nodeIdFromBytes(idBytes) : "";
  if (!isNodeId(id) || !isWhole(fromPort, maxPort)) throw malformed("who it is from");
  if (trace !== undefined && !isText(trace, maxTrace)) throw malformed("its trace context");
  return { port, service, env, from: { id, port: fromPort }, trace };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}

function malformed(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_PROTOCOL", `a dial's header is malformed: ${what}`);
}
