import { AstraError, type AstraErrorCode } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";

/** Why a circuit could not be opened, or broke. */
export type FailureReason =
  /** No link to the next node of the path is up. */
  | "no-link"
  /** A link on the way died under the circuit. */
  | "link-lost"
  /** The node carries no circuits of others. */
  | "not-a-relay"
  /** The node has too many circuits, or bytes of theirs, or says that it is overloaded. */
  | "overloaded"
  /** The node does not allow this circuit. */
  | "denied"
  /** Nothing was answered, or nothing moved, for too long. */
  | "timed-out"
  /** An end gave the circuit up. */
  | "closed"
  /** The two ends could not agree on who they are. */
  | "handshake"
  /** An end met what breaks the rules. */
  | "protocol"
  /** A reason of a later version. */
  | "unknown";

/** A failure as it travels back along the hops. */
export interface CircuitFailure {
  readonly reason: FailureReason;
  /** Which node of the path says so. */
  readonly atIndex: number;
  /** Whether another path, or another moment, may do better. */
  readonly retryable: boolean;
}

/** The byte of each reason on the wire; 0 is not used. */
const reasons: readonly (FailureReason | undefined)[] = [undefined, "no-link", "link-lost", "not-a-relay", "overloaded", "denied", "timed-out", "closed", "handshake", "protocol"];

const codes: Readonly<Record<FailureReason, AstraErrorCode>> = {
  "no-link": "EHOSTUNREACH",
  "link-lost": "ECONNRESET",
  "not-a-relay": "EHOSTUNREACH",
  overloaded: "ERR_ASTRANET_OVERLOAD",
  denied: "EACCES",
  "timed-out": "ETIMEDOUT",
  closed: "ECONNRESET",
  handshake: "ERR_ASTRANET_HANDSHAKE",
  protocol: "ERR_ASTRANET_PROTOCOL",
  unknown: "ECONNRESET",
};

const words: Readonly<Record<FailureReason, string>> = {
  "no-link": "has no link to the next node",
  "link-lost": "lost a link on the way",
  "not-a-relay": "carries no circuits of others",
  overloaded: "has too much to carry",
  denied: "does not allow it",
  "timed-out": "waited too long",
  closed: "gave it up",
  handshake: "could not agree with the other end",
  protocol: "met what breaks the rules",
  unknown: "says that it failed",
};

/** The first byte of a circuit's reset code: an application's own codes, and those of the mux, begin otherwise. */
const marker = 0x43;

/** 'C' | reason u8 | index u8 | flags u8, of which bit 0 is "retryable": the u32 of the RST that ends a hop's stream. */
export function encodeFailure({ reason, atIndex, retryable }: CircuitFailure): number {
  return ((marker << 24) | ((reasons.indexOf(reason) & 0xff) << 16) | ((atIndex & 0xff) << 8) | (retryable ? 1 : 0)) >>> 0;
}

/** What a reset's code says; undefined where it is not a circuit's. */
export function decodeFailure(code: number | undefined): CircuitFailure | undefined {
  if (code === undefined || code >>> 24 !== marker) return undefined;
  return { reason: reasons[(code >>> 16) & 0xff] ?? "unknown", atIndex: (code >>> 8) & 0xff, retryable: (code & 1) !== 0 };
}

/** The error that the failure is, for whoever has the path. */
export function failureError(failure: CircuitFailure, path: readonly NodeId[], cause?: unknown): AstraError {
  const { reason, atIndex, retryable } = failure;
  const at = path[atIndex];
  const target = path.at(-1)!;
  return new AstraError(codes[reason], `the circuit to ${target} failed: ${at ?? "a node on the way"} ${words[reason]}`, {
    retryable,
    ...(at === undefined ? {} : { via: [at] }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * What the end of a hop's stream means to the node at `ownIndex`, when it came from the node at `peerIndex`. A neighbour speaks for the
 * nodes on its side of the path only, so what it says of others is taken as said of itself.
 */
export function failureOf(error: unknown, ownIndex: number, peerIndex: number): CircuitFailure {
  const remoteCode = AstraError.is(error) ? error.remoteCode : undefined;
  const told = decodeFailure(remoteCode);
  if (told !== undefined) {
    const isTheirs = peerIndex > ownIndex ? told.atIndex >= peerIndex : told.atIndex <= peerIndex;
    return isTheirs ? told : { ...told, atIndex: peerIndex };
  }
  // The mux of the neighbour took it, or did not: too much unread, a refusal before anybody looked, a farewell.
  if (AstraError.is(error, "ERR_ASTRANET_OVERLOAD")) return { reason: "overloaded", atIndex: peerIndex, retryable: true };
  if (AstraError.is(error, "ECONNREFUSED")) return { reason: "not-a-relay", atIndex: peerIndex, retryable: true };
  if (AstraError.is(error, "ERR_ASTRANET_SESSION_CLOSED") && error.retryable) return { reason: "no-link", atIndex: ownIndex, retryable: true };
  if (remoteCode !== undefined && (AstraError.is(error, "ECONNRESET") || AstraError.is(error, "EPIPE"))) return { reason: "closed", atIndex: peerIndex, retryable: false };
  return { reason: "link-lost", atIndex: ownIndex, retryable: true };
}

/** What the far end is told when this one gives up because of `error`. */
export function failureFor(error: unknown, ownIndex: number): CircuitFailure {
  const of = (reason: FailureReason, retryable: boolean): CircuitFailure => ({ reason, atIndex: ownIndex, retryable });
  if (AstraError.is(error, "EACCES")) return of("denied", false);
  if (AstraError.is(error, "ERR_ASTRANET_OVERLOAD")) return of("overloaded", true);
  if (AstraError.is(error, "ETIMEDOUT")) return of("timed-out", true);
  if (AstraError.is(error, "ERR_ASTRANET_HANDSHAKE")) return of("handshake", true);
  if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) return of("protocol", true);
  return of("closed", false);
}
