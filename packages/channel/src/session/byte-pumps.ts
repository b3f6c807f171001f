import type { Stream } from "@astranet/mux";
import { AstraError } from "@astranet/transport";
import { ignore } from "../promises.ts";
import type { Port } from "./port.ts";
import { resetFor, whenTaken } from "./reset-codes.ts";

/** Sends what `readable` gives, to its end. Whoever reads at the other end and wants no more cancels it. `ofPair`: what comes in is for itself. */
export async function pumpOut(readable: ReadableStream<Uint8Array>, stream: Stream, ofPair = false): Promise<void> {
  const reader = readable.getReader();
  const cancel = (reason: unknown): void => void reader.cancel(reason).catch(ignore);
  stream.writeClosed.catch(cancel);
  try {
    for (let result = await reader.read(); !result.done; result = await reader.read()) {
      if (!((result.value as unknown) instanceof Uint8Array)) throw new AstraError("EINVAL", `a byte stream in a message gave a ${typeof result.value}, not a Uint8Array`);
      await stream.write(result.value);
    }
    await stream.end();
  } catch (error) {
    cancel(error);
    whenTaken(stream, () => {
      // Of a pair only what goes out is broken.
      if (ofPair) stream.writable.abort(error).catch(ignore);
      else resetFor(stream, error);
    });
  }
}

/** Writes what comes to `writable`, as fast as that takes it. */
export function pumpIn(port: Port, writable: WritableStream<Uint8Array>): void {
  const writer = writable.getWriter();
  let isOver = false;
  writer.closed.catch(() => port.stream.stop());
  port.read({
    data: (chunk) => {
      writer.write(chunk).then(() => port.consume(chunk.length), ignore);
    },
    end: () => {
      isOver = true;
      writer.close().catch(ignore);
    },
    failed: (error) => {
      // It has all of it, and may take its time.
      if (!isOver) writer.abort(error).catch(ignore);
    },
  });
}

/** A WHATWG view of what comes on a port. */
export function readableOf(port: Port): ReadableStream<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let wanted: (() => void) | undefined;
  let give!: () => boolean;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        let isOver = false;
        port.read({
          data: (chunk) => {
            chunks.push(chunk);
            wanted?.();
          },
          end: () => {
            isOver = true;
            wanted?.();
          },
          failed: (error) => {
            if (!isOver) controller.error(error);
          },
        });
        give = () => {
          const chunk = chunks.shift();
          if (chunk === undefined && !isOver) return false;
          if (chunk === undefined) controller.close();
          else {
            controller.enqueue(chunk);
            port.consume(chunk.length);
          }
          return true;
        };
      },
      pull: () => {
        if (give()) return undefined;
        return new Promise<void>((resolve) => {
          wanted = () => {
            wanted = undefined;
            give();
            resolve();
          };
        });
      },
      cancel: () => port.stream.stop(),
    },
    { highWaterMark: 0 },
  );
}

/** A WHATWG view for writing to a stream that is not one of a pair: to abort it says what kind of error it was. */
export function writableOf(stream: Stream): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start: (controller) => {
      stream.writeClosed.catch((error: unknown) => controller.error(error));
    },
    write: (chunk) => stream.write(chunk),
    close: () => stream.end(),
    abort: (reason) => resetFor(stream, reason),
  });
}

export function brokenReadable(error: unknown): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({ start: (controller) => controller.error(error) });
}

export function brokenWritable(error: unknown): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({ start: (controller) => controller.error(error) });
}
