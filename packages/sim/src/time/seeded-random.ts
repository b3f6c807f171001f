import type { RandomSource } from "@astranet/transport";

/** Random numbers that a seed and a label decide: sfc32 (Doty-Humphrey, PractRand), four words of state. */
export class SeededRandom {
  readonly seed: number;
  readonly label: string;
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(seed: number, label = "") {
    this.seed = seed;
    this.label = label;
    // FNV-1a of the label beside the seed; the first rounds mix them.
    let hash = 0x81_1c_9d_c5;
    for (let i = 0; i < label.length; i += 1) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01_00_01_93);
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = hash | 0;
    for (let i = 0; i < 12; i += 1) this.uint32();
  }

  /** Another, independent sequence of the same seed. */
  fork(label: string): SeededRandom {
    return new SeededRandom(this.seed, `${this.label}/${label}`);
  }

  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }

  /** At least 0, less than 1. */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A whole number, `least` and `most` included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.unit() * (most - least);
  }

  /** True once in `1 / probability` times. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of them; there is one at least. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  /** The same values in another order (Fisher and Yates). */
  shuffled<T>(values: readonly T[]): T[] {
    const result = [...values];
    for (let i = result.length - 1; i > 0; i -= 1) {
      const j = this.integer(0, i);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  /** What nodes are given. */
  readonly bytes: RandomSource = (length) => {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.uint32();
      for (let k = 0; k < 4 && i + k < length; k += 1) bytes[i + k] = word >>> (8 * k);
    }
    return bytes;
  };
}
