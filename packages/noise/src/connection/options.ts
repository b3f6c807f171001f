import { AstraError, systemClock, systemRandom, type Clock, type RandomSource } from "@astranet/transport";
import { NO_BYTES } from "../crypto/bytes.ts";
import { defaultCrypto } from "../crypto/default-crypto.ts";
import { KEY_BYTES, type CryptoProvider, type Suite } from "../crypto/provider.ts";
import { isKey, nameOf, type Identity } from "../identity.ts";
import type { Pattern } from "../state/handshake-state.ts";
import type { RekeyLimits } from "./record-cipher.ts";

/** What the other end has shown of itself within the handshake. */
export interface Remote {
  /** Its static public key. */
  readonly remoteStatic: Uint8Array;
  /** What it sent with it. */
  readonly remotePayload: Uint8Array;
}

/** What {@link secure} takes. */
export interface SecureOptions {
  /** Who begins. One end is the one, the other is the other. */
  readonly role: "initiator" | "responder";
  /** XX (default): both ends tell their keys. IK: the initiator knows the responder's, and the handshake is one round trip shorter. */
  readonly pattern?: Pattern;
  /** Who we are. */
  readonly identity: Identity;
  /** The static public key that the other end must have. IK's initiator needs it; elsewhere another key is refused with EACCES. */
  readonly remoteStatic?: Uint8Array;
  /**
   * Keys of 32 bytes that both ends know beforehand ({@link pskFrom} makes them of secrets): XXpsk0 and IKpsk2. Without one of
   * them nobody gets in. For rotation there may be up to 8: a responder takes any of them, an initiator tries one after the
   * other, a round trip each. Default none: XX and IK.
   */
  readonly psks?: readonly Uint8Array[];
  /** What both ends must have said or known before, the same to the byte: a preamble, a protocol's name. Default empty. */
  readonly prologue?: Uint8Array;
  /** Cipher suites: an initiator uses the first, a responder takes any of them. Default {@link preferredSuites}. */
  readonly suites?: readonly Suite[];
  /**
   * What to send within the handshake, encrypted: with our static key, so XX's initiator sends it in the third message, IK's
   * in the first, a responder in the second. Where the other end's came before, a function gets it. In IK the initiator's is
   * not forward secret: who later learns the responder's secret key can read it. Default empty.
   */
  readonly payload?: Uint8Array | ((remote: Remote | undefined) => Uint8Array);
  /**
   * Looks at the other end as soon as it is known, and throws to refuse it: `secure` rejects with what was thrown, the other end
   * with EACCES. XX's initiator and IK's responder do it before they answer.
   */
  readonly verify?: (remote: Remote) => void;
  /** Gives up: the connection is aborted, and `secure` rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
  /** How long the handshake may take, from the call on. Default 5,000. Stops those who send a byte a second. */
  readonly handshakeTimeoutMs?: number;
  /** How many bytes the other end may send before it has proven anything. Default 4,096. Must hold its payload and about 200 bytes more. */
  readonly maxHandshakeBytes?: number;
  /** How many bytes may come between the handshake and `start`. Default 16 MiB. */
  readonly maxUnstartedBytes?: number;
  /** A direction changes its key after so many records. Both ends must say the same: other numbers are another prologue. Default 2^32. */
  readonly rekeyAfterRecords?: number;
  /** A direction changes its key after so many bytes. As for records. Default 64 GiB: AES-GCM's bound for one key, with room (RFC 8446, 5.5). */
  readonly rekeyAfterBytes?: number;
  /** Default {@link systemClock}. */
  readonly clock?: Clock;
  /** Default {@link systemRandom}. */
  readonly random?: RandomSource;
  /** Default: what the platform has. */
  readonly crypto?: CryptoProvider;
}

/** The options with their defaults, checked. */
export interface Settings {
  readonly role: "initiator" | "responder";
  readonly pattern: Pattern;
  readonly identity: Identity;
  readonly remoteStatic: Uint8Array | undefined;
  readonly psks: readonly Uint8Array[];
  readonly prologue: Uint8Array;
  readonly suites: readonly Suite[];
  readonly payload: (remote: Remote | undefined) => Uint8Array;
  readonly verify: (remote: Remote) => void;
  readonly signal: AbortSignal | undefined;
  readonly handshakeTimeoutMs: number;
  readonly maxHandshakeBytes: number;
  readonly maxUnstartedBytes: number;
  readonly rekey: RekeyLimits;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly crypto: CryptoProvider;
}

/** More than a rotation needs: each wrong one costs the initiator a round trip. */
export const MAX_PSKS = 8;
const allSuites: readonly unknown[] = ["AESGCM", "ChaChaPoly"];

/** Throws EINVAL, naming what is wrong. */
export function checkOptions(options: SecureOptions): Settings {
  const { role, pattern = "XX", identity, remoteStatic, psks = [], prologue = NO_BYTES, crypto = defaultCrypto, payload = NO_BYTES } = options;
  const { suites = crypto.suites, signal, verify = () => undefined } = options;
  const oneOf = (name: string, value: unknown, allowed: readonly unknown[]): void => {
    if (!allowed.includes(value)) throw invalid(`${name} is ${allowed.join(" or ")}, not ${typeof value === "string" ? `'${value}'` : nameOf(value)}`);
  };
  oneOf("role", role, ["initiator", "responder"]);
  oneOf("pattern", pattern, ["XX", "IK"]);
  // JavaScript callers too.
  const given = identity as Partial<Identity> | undefined;
  if (!isKey(given?.publicKey) || !isKey(given.secretKey)) throw invalid("identity is what generateIdentity or identityFrom give");
  if (remoteStatic !== undefined && !isKey(remoteStatic)) throw invalid(`remoteStatic is a public key of ${KEY_BYTES} bytes, not ${nameOf(remoteStatic)}`);
  if (remoteStatic === undefined && pattern === "IK" && role === "initiator") throw invalid("the initiator of IK needs remoteStatic, the responder's key");
  if (!Array.isArray(psks) || psks.length > MAX_PSKS) throw invalid(`psks is a list of at most ${MAX_PSKS} keys`);
  for (const psk of psks as readonly unknown[]) if (!isKey(psk)) throw invalid(`a pre-shared key has ${KEY_BYTES} bytes, not ${nameOf(psk)} (pskFrom makes one of any secret)`);
  if (!((prologue as unknown) instanceof Uint8Array)) throw invalid(`prologue is a Uint8Array, not ${nameOf(prologue)}`);
  if (!Array.isArray(suites) || suites.length === 0) throw invalid("suites is a list of at least one cipher suite");
  for (const suite of suites as readonly unknown[]) oneOf("a suite", suite, allSuites);
  for (const suite of suites as readonly Suite[]) if (!crypto.suites.includes(suite)) throw invalid(`the crypto provider '${crypto.name}' has no ${suite}`);
  const atLeast = (name: keyof SecureOptions, fallback: number, least: number): number => {
    const value: unknown = options[name] ?? fallback;
    if (Number.isSafeInteger(value) && Number(value) >= least) return Number(value);
    throw invalid(`${name} is a whole number of at least ${least}, not ${typeof value === "number" ? value : nameOf(value)}`);
  };
  return {
    role,
    pattern,
    identity,
    remoteStatic,
    psks,
    prologue,
    suites,
    payload: typeof payload === "function" ? payload : () => payload,
    verify,
    signal,
    handshakeTimeoutMs: atLeast("handshakeTimeoutMs", 5_000, 1),
    maxHandshakeBytes: atLeast("maxHandshakeBytes", 4_096, 256),
    maxUnstartedBytes: atLeast("maxUnstartedBytes", 16_777_216, 65_536),
    rekey: { records: atLeast("rekeyAfterRecords", 2 ** 32, 1), bytes: atLeast("rekeyAfterBytes", 2 ** 36, 1) },
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    crypto,
  };
}

function invalid(what: string): AstraError {
  return new AstraError("EINVAL", what);
}
