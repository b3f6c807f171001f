import { AstraError, type RandomSource } from "@astranet/transport";
import { whatWasMet } from "./what-was-met.ts";

/** How a link's bytes travel: encrypted, in clear by the user's word, or in clear because the wire stays on this machine. */
export type LinkMode = "noise" | "insecure" | "local";

/** What an end says about who dialled. */
type DialRole = "undecided" | "initiator" | "acceptor";

/** What both ends of a connection write at once, before anything else. */
export interface Preamble {
  readonly version: number;
  readonly mode: LinkMode;
  /** Bits of the cipher suites on offer; none without encryption. */
  readonly suites: number;
  readonly role: DialRole;
  /** 8 random bytes: who is the client where nobody said, and what makes two handshakes differ. */
  readonly random: Uint8Array;
}

/** The version of the protocol that this implementation speaks. */
export const protocolVersion = 1;

/** magic "ASTR" | version u8 | mode u8 | suites u8 | role u8 | 8 random bytes */
export const preambleBytes = 16;

const magic = Uint8Array.of(0x41, 0x53, 0x54, 0x52);
const modes: readonly LinkMode[] = ["noise", "insecure", "local"];
const roles: readonly DialRole[] = ["undecided", "initiator", "acceptor"];

/**
 * Our own preamble. `initiator` undefined leaves it to the random bytes, unless the other end knows. `suites` are those that we could encrypt with; an end
 * that has some and asks for mode 'local' goes along with one that asks for 'noise'.
 */
export function makePreamble(mode: LinkMode, initiator: boolean | undefined, random: RandomSource, suites = 0): Preamble {
  const role = initiator === undefined ? "undecided" : initiator ? "initiator" : "acceptor";
  return { version: protocolVersion, mode, suites, role, random: random(8) };
}

export function encodePreamble(preamble: Preamble): Uint8Array {
  const bytes = new Uint8Array(preambleBytes);
  bytes.set(magic);
  bytes.set([preamble.version, modes.indexOf(preamble.mode) + 1, preamble.suites, roles.indexOf(preamble.role)], 4);
  bytes.set(preamble.random, 8);
  return bytes;
}

/**
 * Reads the start of what came. Undefined: more bytes are needed (`over`: there will be none). Throws ERR_ASTRANET_PROTOCOL
 * when it is something else, with words for what, and ERR_ASTRANET_HANDSHAKE for an astranet that we cannot talk to.
 */
export function decodePreamble(bytes: Uint8Array, over = false): Preamble | undefined {
  const matching = magic.findIndex((byte, i) => i < bytes.length && byte !== bytes[i]) === -1;
  if (!matching) {
    const met = whatWasMet(bytes, over);
    if (met === undefined) return undefined;
    throw new AstraError("ERR_ASTRANET_PROTOCOL", `the other end does not speak astranet: ${met}`);
  }
  if (bytes.length > 4 && bytes[4] !== protocolVersion) {
    throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end speaks version ${bytes[4]!} of the link protocol, we speak ${protocolVersion}`);
  }
  if (bytes.length < preambleBytes) return undefined;
  const mode = modes[bytes[5]! - 1];
  if (mode === undefined) throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end asks for link mode ${bytes[5]!}, which we do not know`);
  const role = roles[bytes[7]!];
  if (role === undefined) throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end's preamble has role ${bytes[7]!}, which we do not know`);
  return { version: protocolVersion, mode, suites: bytes[6]!, role, random: bytes.slice(8, preambleBytes) };
}

/** Whether we are the initiator, and whether the link is encrypted, by what both ends wrote. Throws ERR_ASTRANET_HANDSHAKE when they cannot be linked. */
export function agree(ours: Preamble, theirs: Preamble): { initiator: boolean; encrypted: boolean } {
  const encrypted = ours.mode === "noise" || theirs.mode === "noise";
  if (encrypted && (ours.suites & theirs.suites) === 0) {
    const [we, they] = [ours, theirs].map(({ mode }) => (mode === "noise" ? "an encrypted link" : "a link in clear"));
    const why = ours.mode === theirs.mode ? "no cipher suite is common to both ends" : `the other end asks for ${they!} (mode ${theirs.mode}), we ask for ${we!} (mode ${ours.mode})`;
    throw new AstraError("ERR_ASTRANET_HANDSHAKE", why);
  }
  const order = compare(ours.random, theirs.random);
  // Our own words come back: somebody echoes them, or both ends are given the same randomness.
  if (order === 0) throw new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end answered with our own preamble");
  if (ours.role !== "undecided" && ours.role === theirs.role) {
    throw new AstraError("ERR_ASTRANET_HANDSHAKE", `both ends say that they are the ${ours.role}`);
  }
  if (ours.role !== "undecided") return { initiator: ours.role === "initiator", encrypted };
  if (theirs.role !== "undecided") return { initiator: theirs.role === "acceptor", encrypted };
  return { initiator: order > 0, encrypted };
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}
