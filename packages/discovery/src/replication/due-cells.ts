import { concat } from "../bytes.ts";
import type { RecordCell } from "../record-cell.ts";
import type { RecordStore } from "../record-store.ts";
import { maxPackedBytes } from "./replica-message.ts";

/**
 * What one neighbour is still to be sent. It holds places, not versions: however slowly the neighbour reads, at most one version of each slot
 * waits for it, and that is the newest. A whole store waits as a position in it.
 */
export class DueCells {
  readonly #cells = new Set<RecordCell>();
  #everything: Iterator<string> | undefined;
  /** What is left of the origin that was begun. */
  #begun: RecordCell[] = [];

  get isEmpty(): boolean {
    return this.#cells.size === 0;
  }

  add(cell: RecordCell): void {
    this.#cells.add(cell);
  }

  /** The neighbour has it already. */
  delete(cell: RecordCell): void {
    this.#cells.delete(cell);
  }

  /** Everything that `store` advertises, too. */
  addEverything(store: RecordStore): void {
    this.#everything = store.origins();
    this.#begun = [];
  }

  /** The next records, back to back; undefined when there are none. Whole records, as many as fit into a message. */
  takeChanges(): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const cell of this.#cells) {
      if (length > 0 && length + cell.wire.length > maxPackedBytes) break;
      this.#cells.delete(cell);
      if (!cell.live) continue;
      parts.push(cell.wire);
      length += cell.wire.length;
    }
    return parts.length === 0 ? undefined : concat(parts);
  }

  /** … of the whole store; undefined when all of it was given. */
  takeOfEverything(store: RecordStore): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (this.#everything !== undefined) {
      const cell = this.#begun.pop();
      if (cell === undefined) {
        const next = this.#everything.next();
        if (next.done === true) this.#everything = undefined;
        else if (store.advertised(next.value)) this.#begun = [...store.cells(next.value)];
        continue;
      }
      if (!cell.live) continue;
      if (length > 0 && length + cell.wire.length > maxPackedBytes) {
        this.#begun.push(cell);
        break;
      }
      parts.push(cell.wire);
      length += cell.wire.length;
    }
    return parts.length === 0 ? undefined : concat(parts);
  }
}
