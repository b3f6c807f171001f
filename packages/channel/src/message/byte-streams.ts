import { ignore } from "../promises.ts";
import { dropped, type Travelling } from "./travelling.ts";

/** A byte stream that its first owner cannot read any more, and the next one can. */
export class MovedReadable implements Travelling {
  readonly fresh: ReadableStream<Uint8Array>;
  readonly #first: ReadableStream<Uint8Array>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(first: ReadableStream<Uint8Array>) {
    this.#first = first;
    this.fresh = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { done, value } = await this.#reader!.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => this.#reader!.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  move(): void {
    this.#reader = this.#first.getReader();
  }

  restore(): void {
    this.#reader!.releaseLock();
  }

  discard(): void {
    this.#reader!.cancel(dropped()).catch(ignore);
  }
}

/** A byte stream that its first owner cannot write any more, and the next one can. */
export class MovedWritable implements Travelling {
  readonly fresh: WritableStream<Uint8Array>;
  readonly #first: WritableStream<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;

  constructor(first: WritableStream<Uint8Array>) {
    this.#first = first;
    this.fresh = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#failed = (reason) => controller.error(reason);
      },
      write: async (chunk) => {
        const writer = this.#writer!;
        await writer.ready;
        await writer.write(chunk);
      },
      close: () => this.#writer!.close(),
      abort: (reason) => this.#writer!.abort(reason),
    });
  }

  #failed: (reason: unknown) => void = ignore;

  move(): void {
    this.#writer = this.#first.getWriter();
    // Who only waits hears of it too.
    this.#writer.closed.catch((error: unknown) => this.#failed(error));
  }

  restore(): void {
    this.#writer!.releaseLock();
  }

  discard(): void {
    this.#writer!.abort(dropped()).catch(ignore);
  }
}
