import { isIPv4, isIPv6, type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { AstraError } from "@astranet/transport";
import type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
import { IdleTimer } from "./idle-timer.ts";

/**
 * A stream as a Duplex that is used like a connected `net.Socket`; {@link toDuplex} makes it.
 *
 * It reads from the stream only as somebody reads from it, so credit goes back as bytes are consumed. What it is given to
 * write it gives away, as `Stream.write` does: the bytes are not to be changed afterwards, not even after the callback.
 *
 * `destroy()` after `end()` lets what was written arrive; `destroy()` with writes pending, or with an error, resets the stream.
 */
export class StreamSocket extends Duplex {
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly connecting = false;
  readonly pending = false;
  /** Bytes read from the stream so far. */
  bytesRead = 0;
  /** The delay given to `setTimeout`, in milliseconds. */
  timeout: number | undefined = undefined;

  readonly #source: ByteStream;
  #bytesTaken = 0;
  #idle: IdleTimer | undefined = undefined;

  constructor(source: ByteStream, options: DuplexOptions) {
    // With no buffer of its own, it asks the stream for bytes when somebody asks it for bytes.
    super({ allowHalfOpen: options.allowHalfOpen ?? true, readableHighWaterMark: 0 });
    const { local, remote } = options;
    this.localAddress = local?.address;
    this.localPort = local?.port;
    this.localFamily = family(local);
    this.remoteAddress = remote?.address;
    this.remotePort = remote?.port;
    this.remoteFamily = family(remote);
    this.#source = source;
    source.closed.then(
      () => this.#bothOver(),
      (error: unknown) => {
        // What came before the stream broke may still be read; then reading tells.
        if (source.readableLength === 0) this.destroy(error as Error);
      },
    );
  }

  /** Bytes written so far, those still queued here included. */
  get bytesWritten(): number {
    return this.#bytesTaken + this.writableLength;
  }

  get readyState(): "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  /** This end's address; empty where the stream has none. */
  address(): AddressInfo | Record<string, never> {
    const { localAddress, localPort, localFamily } = this;
    if (localAddress === undefined || localPort === undefined) return {};
    return { address: localAddress, port: localPort, family: localFamily ?? "" };
  }

  /** Emits 'timeout' once nothing was read or written for `ms` milliseconds; 0 ends that. The stream is left as it is. */
  setTimeout(ms: number, callback?: () => void): this {
    if (typeof ms !== "number" || !(ms >= 0)) throw new AstraError("EINVAL", `a timeout is a number of milliseconds, not ${String(ms)}`);
    this.timeout = ms;
    this.#idle?.cancel();
    this.#idle = undefined;
    if (ms === 0) {
      if (callback !== undefined) this.removeListener("timeout", callback);
      return this;
    }
    if (callback !== undefined) this.once("timeout", callback);
    if (!this.destroyed && Number.isFinite(ms)) this.#idle = new IdleTimer(ms, () => this.emit("timeout"));
    return this;
  }

  /** Nothing to do: small writes of one tick leave together, and never wait for more. */
  setNoDelay(_noDelay?: boolean): this {
    return this;
  }

  /** Nothing to do: the session keeps its connection alive. */
  setKeepAlive(_enable?: boolean, _initialDelayMs?: number): this {
    return this;
  }

  /** Nothing to do: what keeps the process alive is the session's connection. */
  ref(): this {
    return this;
  }

  /** Nothing to do: what keeps the process alive is the session's connection. */
  unref(): this {
    return this;
  }

  /** Ends, and destroys once all that was written has been taken over by the session. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** Breaks the stream: both ends get ECONNRESET. */
  resetAndDestroy(): this {
    return this.destroy(new AstraError("ECONNRESET", "the stream was reset here"));
  }

  override _read(): void {
    let chunk: Uint8Array | null | undefined;
    try {
      chunk = this.#source.tryRead();
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (chunk !== undefined) {
      this.#got(chunk);
      return;
    }
    this.#source.read().then(
      (read) => this.#got(read),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send(chunk, chunk.length, callback);
  }

  override _writev(chunks: { chunk: Uint8Array }[], callback: (error?: Error | null) => void): void {
    const parts = chunks.map(({ chunk }) => chunk);
    this.#send(parts, parts.reduce((bytes, { length }) => bytes + length, 0), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#source.end().then(
      () => callback(),
      // Nothing is left to say, so that the peer listens no more is no failure.
      (error: unknown) => callback(AstraError.is(error, "EPIPE") ? null : (error as Error)),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#idle?.cancel();
    if (error !== null || this.writableLength > 0) this.#source.reset();
    else void this.#source.close();
    callback(error);
  }

  #got(chunk: Uint8Array | null): void {
    if (this.destroyed) return;
    if (chunk === null) {
      this.push(null);
      return;
    }
    this.bytesRead += chunk.length;
    this.#idle?.note();
    const flows = this.readableFlowing === true && this.listenerCount("data") > 0;
    // What stays here is copied if it is a small part of the buffer that it would keep alive.
    const kept = flows || chunk.length * 2 >= chunk.buffer.byteLength ? chunk : chunk.slice();
    this.push(Buffer.from(kept.buffer, kept.byteOffset, kept.length));
  }

  #send(chunk: Uint8Array | readonly Uint8Array[], bytes: number, callback: (error?: Error | null) => void): void {
    this.#idle?.note();
    this.#source.write(chunk).then(
      () => {
        this.#bytesTaken += bytes;
        this.#idle?.note();
        callback();
      },
      (error: unknown) => callback(error as Error),
    );
  }

  /** The peer neither writes nor reads any more: what is left to do here is to read what came. */
  #bothOver(): void {
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
  }
}

function family(end: EndAddress | undefined): string | undefined {
  if (end === undefined) return undefined;
  if (isIPv4(end.address)) return "IPv4";
  return isIPv6(end.address) ? "IPv6" : undefined;
}
