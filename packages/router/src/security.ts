import { chooseSuite, decodeSuites, encodeSuites, fingerprint, preferredSuites, secure, type Identity, type SecureConnection } from "@astranet/noise";
import { AstraError, type Clock, type Connection, type RandomSource } from "@astranet/transport";
import { isNodeId, nodeIdFromBytes, type NodeId } from "./node-id.ts";

/** What a router encrypts with. */
export interface SecurityOptions {
  /** Who this node is; its id is that of the public key (see {@link nodeIdOfKey}). */
  readonly identity: Identity;
  /** Keys of 32 bytes that every node of the network knows, the newest first (`pskFrom` of `@astranet/noise` makes them). Default none: anybody may link. */
  readonly psks?: readonly Uint8Array[];
}

/**
 * The id of the node that has this key: the first 8 bytes of the key's SHA-256, so it cannot be claimed without the key. Undefined where it would hold no
 * letter (6 of 10,000 keys), as an id must.
 */
export function nodeIdOfKey(publicKey: Uint8Array): NodeId | undefined {
  const id = nodeIdFromBytes(fingerprint(publicKey).subarray(0, 8));
  return isNodeId(id) ? id : undefined;
}

/** What a handshake needs to know about its connection. */
export interface SecureInit {
  readonly initiator: boolean;
  /** What both ends said in clear. */
  readonly prologue: Uint8Array;
  /** The suites bytes of the preambles. */
  readonly ourSuites: number;
  readonly theirSuites: number;
}

/** What an end-to-end handshake needs to know about its connection. */
export interface EndToEndInit {
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** The responder's key; the initiator has to know it. */
  readonly remoteKey: Uint8Array | undefined;
  /** Throws where the other end has the wrong key. */
  verify(remoteKey: Uint8Array): void;
}

/** Encrypts what leaves this process, as this node. */
export class Security {
  readonly identity: Identity;
  /** This node's byte of suites in a preamble. */
  readonly suites: number;
  readonly guarded: boolean;
  readonly #psks: readonly Uint8Array[];
  readonly #clock: Clock;
  readonly #random: RandomSource;

  /** Throws EINVAL where the identity is not that of the node `id`. */
  constructor(id: NodeId, options: SecurityOptions, clock: Clock, random: RandomSource) {
    const { identity, psks = [] } = options;
    const own = nodeIdOfKey(identity.publicKey);
    if (own !== id) throw new AstraError("EINVAL", `the identity is that of node ${own ?? "(none: its id would hold no letter)"}, and the store is that of ${id}`);
    this.identity = identity;
    this.suites = encodeSuites(preferredSuites());
    this.guarded = psks.length > 0;
    this.#psks = psks;
    this.#clock = clock;
    this.#random = random;
  }

  /** Encrypts a link, whose two ends have exchanged preambles. Rejects as `secure` of `@astranet/noise` does. */
  link(connection: Connection, init: SecureInit): Promise<SecureConnection> {
    const suite = chooseSuite(decodeSuites(init.ourSuites), decodeSuites(init.theirSuites));
    if (suite === undefined) return Promise.reject(new AstraError("ERR_ASTRANET_HANDSHAKE", "no cipher suite is common to both ends"));
    return secure(connection, { ...this.#common(init.initiator), pattern: "XX", prologue: init.prologue, suites: [suite] });
  }

  /**
   * Encrypts a way to a node that relays carry, end to end. The initiator knows the other end's key; the responder learns whose it is.
   * Rejects as `secure` does.
   */
  endToEnd(connection: Connection, init: EndToEndInit): Promise<SecureConnection> {
    const { initiator, prologue, remoteKey } = init;
    const remote = remoteKey === undefined ? {} : { remoteStatic: remoteKey };
    return secure(connection, { ...this.#common(initiator), pattern: "IK", prologue, verify: ({ remoteStatic }) => init.verify(remoteStatic), ...remote });
  }

  #common(initiator: boolean) {
    return { role: initiator ? ("initiator" as const) : ("responder" as const), identity: this.identity, psks: this.#psks, clock: this.#clock, random: this.#random };
  }
}

/** Throws EACCES where an id is not that of the key it came with. */
export function checkKeyOfId(id: NodeId, key: Uint8Array): void {
  if (key.length === 32 && nodeIdOfKey(key) === id) return;
  throw new AstraError("EACCES", `the other end says that it is node ${id}, and its key is not that node's (a node with insecure: true has an id that belongs to no key)`);
}
