import type { AstraError } from "@astranet/transport";

/** Where an attached stream (push mode) delivers. Its methods are called synchronously as frames come: keep them short. */
export interface StreamSink {
  /** Bytes came; they are the sink's. Give credit back with `stream.consume(n)` as they are used. */
  data(chunk: Uint8Array): void;
  /** The peer writes no more; all its data came before. */
  end(): void;
  /** After `tryWrite` returned false: it is worth trying again. */
  ready?(): void;
  /** `bytes` of what was written here are framed, and handed to the connection by the end of the flush. For splices: then is the time to `consume` where they came from. The sink may write more. */
  framed?(bytes: number): void;
  /** The stream broke; nothing follows. */
  reset(error: AstraError): void;
}
