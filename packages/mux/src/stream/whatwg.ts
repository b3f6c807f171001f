import type { Stream } from "./stream.ts";

/** A default stream, not one of type 'bytes': that would transfer each chunk's buffer away from the other chunks in it, so each would have to be copied first. */
export function readableOf(stream: Stream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await stream.read();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel() {
        stream.stop();
      },
    },
    { highWaterMark: 0 },
  );
}

export function writableOf(stream: Stream): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(controller) {
      stream.writeClosed.catch((error: unknown) => {
        controller.error(error);
      });
    },
    write: (chunk) => stream.write(chunk),
    close: () => stream.end(),
    abort(reason: unknown) {
      stream._abortWriting(reason instanceof Error ? reason.message : typeof reason === "string" ? reason : "");
    },
  });
}
