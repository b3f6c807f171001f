/**
 * The stable codes of every error that astranet raises. Match on these, never on messages.
 * Names that Node or POSIX already has keep their meaning; ours start with `ERR_ASTRANET_`.
 */
export type AstraErrorCode =
  | "ENOTFOUND"
  | "EHOSTUNREACH"
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "EPIPE"
  | "ETIMEDOUT"
  | "EADDRINUSE"
  | "EINVAL"
  | "EACCES"
  | "EMSGSIZE"
  | "ERR_ASTRANET_PROTOCOL"
  | "ERR_ASTRANET_SESSION_CLOSED"
  | "ERR_ASTRANET_SESSION_DRAINING"
  | "ERR_ASTRANET_STREAM_LIMIT"
  | "ERR_ASTRANET_OVERLOAD"
  | "ERR_ASTRANET_INVALID_STATE"
  | "ERR_ASTRANET_HANDSHAKE"
  | "ERR_ASTRANET_INSECURE"
  | "ERR_ASTRANET_SUPERSEDED"
  | "ERR_ASTRANET_ID_CONFLICT"
  | "ERR_ASTRANET_NO_TRANSPORT"
  | "ERR_ASTRANET_CHANNEL_CLOSED";

/** What an {@link AstraError} carries besides its code and message. All optional. */
export interface AstraErrorOptions {
  /** True only where the operation certainly had no effect at the peer, so that it may be tried again. Default false. */
  readonly retryable?: boolean;
  /** The wire's error code where a peer sent one. */
  readonly remoteCode?: number;
  /** Ids of the nodes on the way that the error concerns, nearest first. */
  readonly via?: readonly string[];
  /** The error underneath. */
  readonly cause?: unknown;
}

const brand = Symbol.for("astranet.error");

/**
 * The one error class of astranet. The message begins with the code, because consoles often show nothing else.
 * Two copies of this package in one process agree on what is an AstraError: use {@link AstraError.is}, not `instanceof`.
 */
export class AstraError extends Error {
  readonly code: AstraErrorCode;
  readonly retryable: boolean;
  // Declared, not defined: of an error without them consoles show nothing.
  declare readonly remoteCode?: number;
  declare readonly via?: readonly string[];

  constructor(code: AstraErrorCode, message: string, options: AstraErrorOptions = {}) {
    super(`${code}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    if (options.remoteCode !== undefined) this.remoteCode = options.remoteCode;
    if (options.via !== undefined) this.via = options.via;
  }

  override get name(): string {
    return "AstraError";
  }

  /** Whether `error` is an AstraError (of any copy of this package), and of that code where one is given. */
  static is(error: unknown, code?: AstraErrorCode): error is AstraError {
    return (
      typeof error === "object" &&
      error !== null &&
      (error as { [brand]?: unknown })[brand] === true &&
      (code === undefined || (error as AstraError).code === code)
    );
  }
}

// On the prototype and under a registered symbol, so that the copies of this package in one process recognise each other's errors.
Object.defineProperty(AstraError.prototype, brand, { value: true });
