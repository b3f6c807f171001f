import { Readable, Writable, type Duplex } from "node:stream";
import type { Connection } from "../connection.ts";
import { AstraError } from "../errors.ts";
import { toConnection as toPortableConnection, type Pipe } from "../to-connection.ts";
import { DuplexConnection, type NodeConnectionOptions, type NodeStreamPair } from "./duplex-connection.ts";

/** What {@link toConnection} of `@astranet/transport/node` takes. */
export type NodePipe = Pipe | Duplex | NodeStreamPair;

/**
 * As `toConnection` of `@astranet/transport`, and takes Node's streams too: a `Duplex` (a socket, a TLS socket) or a
 * pair of a `Readable` and a `Writable`. The streams are the connection's from then on: nobody else reads, writes or ends them.
 * @throws AstraError EINVAL naming what was given, where it is no pipe of bytes.
 */
export function toConnection(pipe: NodePipe, options: NodeConnectionOptions = {}): Connection {
  if (isReadable(pipe) && isWritable(pipe)) return new DuplexConnection(bytesOf(pipe), pipe, "duplex", options);
  const { readable, writable } = ((pipe as unknown) ?? {}) as Partial<NodeStreamPair>;
  if (isReadable(readable) && isWritable(writable)) return new DuplexConnection(bytesOf(readable), writable, "streams", options);
  return toPortableConnection(pipe as Pipe, options);
}

// Structural besides instanceof: streams of `readable-stream` and of other realms are streams too.
function isReadable(value: unknown): value is Readable {
  return value instanceof Readable || has(value, ["on", "pipe", "resume", "destroy"]);
}

function isWritable(value: unknown): value is Writable {
  return value instanceof Writable || has(value, ["on", "write", "end", "cork", "destroy"]);
}

function has(value: unknown, methods: readonly string[]): boolean {
  return typeof value === "object" && value !== null && methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

function bytesOf(readable: Readable): Readable {
  if (readable.readableObjectMode) throw new AstraError("EINVAL", "the stream gives objects (objectMode), not bytes");
  if (readable.readableEncoding) throw new AstraError("EINVAL", `the stream gives text (encoding ${readable.readableEncoding}), not bytes`);
  return readable;
}
