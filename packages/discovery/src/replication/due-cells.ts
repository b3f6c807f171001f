import { concat } from "../bytes.ts";
import type { StoredRecord } from "../record.ts";
import type { RecordCell } from "../record-cell.ts";
import type { RecordStore } from "../record-store.ts";
import { maxPackedBytes } from "./replica-message.ts";

/**
 * What one neighbour is still to be sent. It holds places, not versions: however slowly the neighbour reads, at most one version of each slot
 * waits for it, and that is the newest. A whole store waits as a position in it.
 */
export class DueCells {
  /** By origin: a life that is over takes its places along. */
  readonly #origins = new Map<string, Set<RecordCell>>();
  #everything: Iterator<string> | undefined;
  /** What is left of the origin that was begun. */
  #begun: RecordCell[] = [];

  get isEmpty(): boolean {
    return this.#origins.size === 0;
  }

  add(cell: RecordCell): void {
    const { origin } = cell.record;
    const cells = this.#origins.get(origin);
    if (cells === undefined) this.#origins.set(origin, new Set([cell]));
    else cells.add(cell);
  }

  /** The neighbour has it already. */
  delete(cell: RecordCell): void {
    const { origin } = cell.record;
    const cells = this.#origins.get(origin);
    cells?.delete(cell);
    if (cells?.size === 0) this.#origins.delete(origin);
  }

  /** All of an origin's places are void: it was dropped, or began a new life. Else a neighbour that reads slowly would keep them all waiting. */
  forget(origin: string): void {
    this.#origins.delete(origin);
  }

  /** What would be given now, of one origin or of all. @internal */
  *waiting(origin?: string): IterableIterator<StoredRecord> {
    const found = origin === undefined ? this.#origins.values() : [this.#origins.get(origin) ?? []];
    for (const cells of found) for (const { record } of cells) yield record;
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
    for (const [origin, cells] of this.#origins) {
      const before = cells.size;
      for (const cell of cells) {
        if (length + cell.wire.length > maxPackedBytes) {
          // It had its turn, the others are next: one that changes all the time must not keep them waiting.
          if (cells.size < before && this.#origins.delete(origin)) this.#origins.set(origin, cells);
          return concat(parts);
        }
        cells.delete(cell);
        parts.push(cell.wire);
        length += cell.wire.length;
      }
      this.#origins.delete(origin);
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
      if (length + cell.wire.length > maxPackedBytes) {
        this.#begun.push(cell);
        break;
      }
      parts.push(cell.wire);
      length += cell.wire.length;
    }
    return parts.length === 0 ? undefined : concat(parts);
  }
}
