/** The bytes of others that lie on this node, of all circuits together. */
export class RelayBudget {
  readonly maxBytes: number;
  /** Bytes that came and were not framed for the next hop. */
  bytes = 0;
  /** Bytes that were, ever. */
  carriedBytes = 0;
  /** Bytes that are kept alive by those, and are none of them. */
  wastedBytes = 0;
  readonly #shed: () => void;

  /** `shed` makes room: it is called when there are too many. */
  constructor(maxBytes: number, shed: () => void) {
    this.maxBytes = maxBytes;
    this.#shed = shed;
  }

  /** Over half: no new circuits, and credit is withheld. */
  get isPressed(): boolean {
    return this.bytes * 2 > this.maxBytes;
  }

  /** Beyond it what has to stay is copied. */
  get maxWastedBytes(): number {
    return this.maxBytes / 2;
  }

  /** A sixteenth of room, so that making it is paid once for many bytes. */
  get isRelieved(): boolean {
    return this.bytes <= this.maxBytes - this.maxBytes / 16;
  }

  check(): void {
    if (this.bytes > this.maxBytes) this.#shed();
  }
}
