import { FIRST_APPLICATION_CODE, WireCode } from "@astranet/frame";
import { AstraError, type AstraErrorCode } from "@astranet/transport";
import { invalid } from "../session/options.ts";

/** The error that a code on the wire means for one stream, both directions alike. */
export function streamError(wireCode: number, what: string, reason?: string): AstraError {
  const [code, retryable] = streamCodes[wireCode] ?? (["ECONNRESET", false] as const);
  return peerError(code, `${what} (${wireCodeName(wireCode)})${reason === undefined || reason === "" ? "" : `: ${reason}`}`, wireCode, retryable);
}

/** An error that the peer caused. Its stack would tell of the decoder only, and take most of a kilobyte for a frame of twelve bytes. */
export function peerError(code: AstraErrorCode, message: string, remoteCode: number, retryable = false): AstraError {
  const error = new AstraError(code, message, { retryable, remoteCode });
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

const streamCodes: Partial<Record<number, readonly [AstraErrorCode, boolean]>> = {
  [WireCode.STREAM_REFUSED]: ["ECONNREFUSED", true],
  [WireCode.ACCEPT_QUEUE_FULL]: ["ECONNREFUSED", true],
  [WireCode.ENHANCE_YOUR_CALM]: ["ERR_ASTRANET_OVERLOAD", false],
  [WireCode.REMOTE_GONE_AWAY]: ["ERR_ASTRANET_SESSION_CLOSED", true],
  [WireCode.SESSION_CLOSED]: ["ERR_ASTRANET_SESSION_CLOSED", false],
  [WireCode.STREAMS_EXHAUSTED]: ["ERR_ASTRANET_SESSION_DRAINING", false],
  [WireCode.WRITE_TIMEOUT]: ["ETIMEDOUT", false],
};

/** The error that a GOAWAY's code means for the session; undefined where it is a clean end. */
export function sessionError(wireCode: number, what: string): AstraError | undefined {
  switch (wireCode) {
    case WireCode.NO_ERROR:
    case WireCode.PEER_EOF:
    case WireCode.REMOTE_GONE_AWAY:
    case WireCode.SESSION_CLOSED:
      return undefined;
    case WireCode.PROTOCOL:
    case WireCode.FLOW_CONTROL:
    case WireCode.FRAME_SIZE:
    case WireCode.ENHANCE_YOUR_CALM:
      return new AstraError("ERR_ASTRANET_PROTOCOL", what, { remoteCode: wireCode });
    case WireCode.STREAMS_EXHAUSTED:
      return new AstraError("ERR_ASTRANET_SESSION_DRAINING", what, { remoteCode: wireCode });
    case WireCode.WRITE_TIMEOUT:
      return new AstraError("ETIMEDOUT", what, { remoteCode: wireCode });
    default:
      return wireCode >= 256 ? undefined : new AstraError("ECONNRESET", what, { remoteCode: wireCode });
  }
}

/** A code in words: its name where it has one. */
export function wireCodeName(wireCode: number): string {
  for (const [name, value] of Object.entries(WireCode)) if (value === wireCode) return name;
  return `code ${String(wireCode)}`;
}

/** Throws EINVAL unless an application may send `code`. */
export function checkApplicationCode(code: number): void {
  const own = code === WireCode.STREAM_CANCELLED || code === WireCode.STREAM_RESET || code >= FIRST_APPLICATION_CODE;
  if (!own || !Number.isInteger(code) || code > 0xffff_ffff) throw invalid(`an application may send code 6, 7 and 256 to 2^32 − 1, not ${String(code)}`);
}
