import { AstraError, type AstraErrorCode } from "@astranet/transport";

/** What nodes tell is an AstraError. What a transport, a connection or a function of the owner's raised may be anything: it is the cause then. */
export function asAstraError(error: unknown, code: AstraErrorCode = "ECONNRESET", what = "the link broke"): AstraError {
  return AstraError.is(error) ? error : new AstraError(code, `${what}: ${String(error)}`, { cause: error });
}
