/** One thing that happened. */
interface TraceEntry {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly detail: string | number;
}

const tailLength = 400;

/**
 * What happened, in order: every entry goes into a digest, so two runs with one digest did the same, byte for byte; the last ones are kept
 * to be read.
 */
export class Trace {
  #high = 0x9e_37_79_b9;
  #low = 0x85_eb_ca_6b;
  #count = 0;
  readonly #tail: TraceEntry[] = [];

  /** Entries so far. */
  get length(): number {
    return this.#count;
  }

  add(at: number, who: string, what: string, detail: string | number = ""): void {
    this.#mixNumber(at);
    this.#mixText(who);
    this.#mixText(what);
    if (typeof detail === "number") this.#mixNumber(detail);
    else this.#mixText(detail);
    this.#tail[this.#count % tailLength] = { at, who, what, detail };
    this.#count += 1;
  }

  /** 64 bits of everything so far, as 16 hexadecimal digits. No protection against forgers: only runs of this program are compared. */
  digest(): string {
    const word = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return word(this.#high) + word(this.#low);
  }

  /** The last entries, one a line, oldest first. */
  tail(lines = 60): string {
    const count = Math.min(lines, this.#count, tailLength);
    const entries = Array.from({ length: count }, (_, i) => this.#tail[(this.#count - count + i) % tailLength]!);
    return entries.map(({ at, who, what, detail }) => `${at.toFixed(3).padStart(12)}  ${who.padEnd(10)} ${what} ${detail}`.trimEnd()).join("\n");
  }

  #mix(word: number): void {
    // Two lanes of MurmurHash3's mixing step.
    let k = Math.imul(word, 0xcc_9e_2d_51);
    k = (k << 15) | (k >>> 17);
    this.#low = Math.imul((this.#low ^ Math.imul(k, 0x1b_87_35_93)) + this.#high, 5) + 0xe6_54_6b_64;
    this.#high = Math.imul(((this.#high << 13) | (this.#high >>> 19)) ^ k, 0x85_eb_ca_77) + this.#low;
  }

  #mixNumber(value: number): void {
    scratchNumber[0] = value;
    this.#mix(scratchWords[0]!);
    this.#mix(scratchWords[1]!);
  }

  #mixText(text: string): void {
    let hash = text.length;
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93);
    this.#mix(hash);
  }
}

const scratchNumber = new Float64Array(1);
const scratchWords = new Int32Array(scratchNumber.buffer);

/** FNV-1a of some bytes, for the trace. */
export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < bytes.length; i += 1) hash = Math.imul(hash ^ bytes[i]!, 0x01_00_01_93);
  return hash >>> 0;
}
