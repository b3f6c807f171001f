import { AstraError, type AstraErrorCode } from "../errors.ts";

const codes: ReadonlyMap<string, AstraErrorCode> = new Map<string, AstraErrorCode>(
  Object.entries({
    EACCES: "EACCES",
    EADDRINUSE: "EADDRINUSE",
    EADDRNOTAVAIL: "EINVAL",
    EAI_AGAIN: "ENOTFOUND",
    EAI_FAIL: "ENOTFOUND",
    EAI_NODATA: "ENOTFOUND",
    EAI_NONAME: "ENOTFOUND",
    ECONNABORTED: "ECONNRESET",
    ECONNREFUSED: "ECONNREFUSED",
    ECONNRESET: "ECONNRESET",
    EHOSTDOWN: "EHOSTUNREACH",
    EHOSTUNREACH: "EHOSTUNREACH",
    EINVAL: "EINVAL",
    EMFILE: "ERR_ASTRANET_OVERLOAD",
    ENFILE: "ERR_ASTRANET_OVERLOAD",
    ENETDOWN: "EHOSTUNREACH",
    ENETUNREACH: "EHOSTUNREACH",
    ENOTFOUND: "ENOTFOUND",
    EPERM: "EACCES",
    EPIPE: "EPIPE",
    ERR_SOCKET_CONNECTION_TIMEOUT: "ETIMEDOUT",
    ETIMEDOUT: "ETIMEDOUT",
  } satisfies Record<string, AstraErrorCode>),
);

/**
 * The AstraError for an error of Node's streams, sockets and resolver, with that error as its `cause`.
 * An AstraError stays itself; an error without a known code gets `fallback` (ECONNRESET).
 */
export function mapError(error: unknown, fallback: AstraErrorCode = "ECONNRESET"): AstraError {
  if (AstraError.is(error)) return error;
  // Node gathers the failures of several addresses; the last attempt says as much as any.
  if (error instanceof AggregateError && error.errors.length > 0) {
    const mapped = mapError(error.errors.at(-1), fallback);
    return new AstraError(mapped.code, describe(mapped.cause), { cause: error });
  }
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return new AstraError((typeof code === "string" ? codeOf(code) : undefined) ?? fallback, describe(error), { cause: error });
}

function codeOf(code: string): AstraErrorCode | undefined {
  return /^ERR_(?:SSL|TLS)_/.test(code) ? "ERR_ASTRANET_HANDSHAKE" : codes.get(code);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
