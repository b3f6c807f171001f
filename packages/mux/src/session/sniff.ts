import { DEFAULT_MAX_GOAWAY_DEBUG, Flag, FrameType, MAX_SETTINGS_LENGTH } from "@astranet/frame";

/** How many bytes tell one protocol from another. */
export const SNIFF_LENGTH = 4;

const httpStarts = new Set(["GET ", "POST", "PUT ", "HEAD", "HTTP", "OPTI", "DELE", "CONN", "PATC", "PRI ", "TRAC"]);

/** What speaks, by its first four bytes. */
export function sniff(bytes: Uint8Array): "astranet" | "muxado" | "HTTP" | "TLS" | "an astranet link" | "something unknown" {
  const text = String.fromCharCode(...bytes.subarray(0, SNIFF_LENGTH));
  if (httpStarts.has(text)) return "HTTP";
  if (text === "ASTR") return "an astranet link";
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  if (a === 0x16 && b === 3) return "TLS";
  const type = d >> 4;
  if (type === FrameType.SETTINGS && a === 0 && ((b << 8) | c) <= MAX_SETTINGS_LENGTH) return "astranet";
  return isMuxado((a << 16) | (b << 8) | c, type, d & 15) ? "muxado" : "something unknown";
}

/** Whether a muxado session can begin with this frame: text never does. */
function isMuxado(length: number, type: number, flags: number): boolean {
  switch (type) {
    case FrameType.DATA:
      return (flags & ~Flag.FIN) === Flag.SYN;
    case FrameType.RST:
    case FrameType.WNDINC:
      return length === 4 && flags === 0;
    case FrameType.GOAWAY:
      return length >= 8 && length <= 8 + DEFAULT_MAX_GOAWAY_DEBUG && flags === 0;
    default:
      return false;
  }
}

/** What to tell who expected an astranet session and met `what`. */
export function met(what: string): string {
  const hint = what === "muxado" ? " (for muxado pass { wire: 'muxado' })" : what === "an astranet link" ? " (that end is a node: join it instead)" : "";
  return `the peer does not speak the astranet wire but, by its first bytes, ${what}${hint}`;
}
