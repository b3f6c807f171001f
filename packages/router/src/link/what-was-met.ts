/** Bytes that are enough to tell the protocols apart that people point at the wrong port. */
const enough = 8;

/**
 * Words for bytes that are not our preamble. Undefined: a few more bytes may tell (`over`: there will be none).
 */
export function whatWasMet(bytes: Uint8Array, over: boolean): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 16));
  if (/^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) /.test(text)) return `it sent an HTTP request ("${printable(text)}…")`;
  if (text.startsWith("PRI * HT")) return "it began HTTP/2";
  if (text.startsWith("HTTP/")) return `it answered in HTTP ("${printable(text)}…")`;
  if (text.startsWith("SSH-")) return "it speaks SSH";
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return "it began a TLS handshake (a ClientHello?)";
  if (bytes[0] === 0x15 && bytes[1] === 0x03) return "it answered with a TLS alert";
  if (bytes.length < enough && !over) return undefined;
  const frame = frameWords(bytes);
  if (frame !== undefined) return frame;
  return `it sent ${[...bytes.subarray(0, enough)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}

/** A bare multiplexer on the port: length u24, type and flags u8, stream id u32. */
function frameWords(bytes: Uint8Array): string | undefined {
  if (bytes.length < enough) return undefined;
  const length = (bytes[0]! << 16) | (bytes[1]! << 8) | bytes[2]!;
  const type = bytes[3]! >> 4;
  const flags = bytes[3]! & 0x0f;
  const id = ((bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!) >>> 0;
  if (type === 4 && id === 0 && flags === 0 && length >= 5 && length <= 1024) return "it sent a SETTINGS frame: a bare mux session, without a node";
  // A peer's first frame opens a stream of small number (SYN), or ends the session.
  if (type === 1 && (flags & 2) !== 0 && id > 0 && id < 0x1_00_00 && length <= 0x1_00_00) return "it sent a muxado frame (DATA with SYN)";
  if (type === 3 && flags === 0 && id === 0 && length >= 8 && length <= 0x1_00_08) return "it sent a muxado frame (GOAWAY)";
  if (type === 0 && flags === 0 && id > 0 && length === 4) return "it sent a muxado frame (RST)";
  if (type === 2 && flags === 0 && id > 0 && length === 4) return "it sent a muxado frame (WNDINC)";
  return undefined;
}

function printable(text: string): string {
  return text.replace(/[^ -~].*/s, "");
}
