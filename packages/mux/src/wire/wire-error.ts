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

/** Codes that end a session cleanly, as those of applications do; and those that say that a side broke the rules. */
const clean: readonly number[] = [WireCode.NO_ERROR, WireCode.PEER_EOF, WireCode.REMOTE_GONE_AWAY, WireCode.SESSION_CLOSED];
const broken: readonly number[] = [WireCode.PROTOCOL, WireCode.FLOW_CONTROL, WireCode.FRAME_SIZE, WireCode.ENHANCE_YOUR_CALM];

/** The error that a GOAWAY's code means for the session; undefined where it is a clean end. */
export function sessionError(wireCode: number, what: string): AstraError | undefined {
  if (clean.includes(wireCode) || wireCode >= FIRST_APPLICATION_CODE) return undefined;
  let code: AstraErrorCode = "ECONNRESET";
  if (broken.includes(wireCode)) code = "ERR_ASTRANET_PROTOCOL";
  else if (wireCode === WireCode.STREAMS_EXHAUSTED) code = "ERR_ASTRANET_SESSION_DRAINING";
  else if (wireCode === WireCode.WRITE_TIMEOUT) code = "ETIMEDOUT";
  return new AstraError(code, what, { remoteCode: wireCode });
}

/** A code in words: its name where it has one. */
export function wireCodeName(wireCode: number): string {
  return Object.keys(WireCode)[wireCode] ?? `code ${wireCode}`;
}

/** Throws EINVAL unless an application may send `code`. */
export function checkApplicationCode(code: number): void {
  const own = code === WireCode.STREAM_CANCELLED || code === WireCode.STREAM_RESET || code >= FIRST_APPLICATION_CODE;
  if (!own || !Number.isInteger(code) || code > 0xffff_ffff) throw invalid(`an application may send code 6, 7 and 256 to 2^32 − 1, not ${code}`);
}
