import { isIPv4, isIPv6, type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { AstraError } from "@astranet/transport";
import type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
import { IdleTimer } from "./idle-timer.ts";

/** A stream, and where it leads. */
export interface Opened {
  readonly stream: ByteStream;
  readonly local?: EndAddress | undefined;
  readonly remote?: EndAddress | undefined;
}

/** A stream that is being opened. `giveUp` is called where the socket is destroyed before: then `opened` should reject soon. */
export interface Opening {
  readonly opened: Promise<Opened>;
  readonly giveUp?: () => void;
}

/**
 * A stream as a Duplex that is used like a `net.Socket`; {@link toDuplex} makes it.
 *
 * It reads from the stream only as somebody reads from it, so credit goes back as bytes are consumed. What it is given to
 * write it gives away, as `Stream.write` does: the bytes are not to be changed afterwards, not even after the callback.
 *
 * `destroy()` after `end()` lets what was written arrive; `destroy()` with writes pending, or with an error before both directions are over, resets the stream.
 */
export class StreamSocket extends Duplex {
  localAddress: string | undefined = undefined;
  localPort: number | undefined = undefined;
  localFamily: string | undefined = undefined;
  remoteAddress: string | undefined = undefined;
  remotePort: number | undefined = undefined;
  remoteFamily: string | undefined = undefined;
  /** Whether the stream is still being opened; 'connect' and 'ready' tell when it no longer is. */
  connecting: boolean;
  /** Bytes read from the stream so far. */
  bytesRead = 0;
  /** The delay given to `setTimeout`, in milliseconds. */
  timeout: number | undefined = undefined;

  /** Unset only while it connects, when neither `_read` nor `_write` is called. */
  #source!: ByteStream;
  readonly #ongiveup: (() => void) | undefined;
  #bytesTaken = 0;
  #idle: IdleTimer | undefined = undefined;

  /** @internal */
  constructor(opening: Opened | Opening, options: DuplexOptions) {
    const isOpen = "stream" in opening;
    super({
      allowHalfOpen: options.allowHalfOpen ?? true,
      // With no buffer of its own, it asks the stream for bytes when somebody asks it for bytes.
      readableHighWaterMark: 0,
      ...(isOpen ? {} : { construct: (callback: (error?: Error | null) => void) => void this.#connect(opening, callback) }),
    });
    this.connecting = !isOpen;
    this.#ongiveup = isOpen ? undefined : opening.giveUp;
    if (isOpen) this.#open(opening);
  }

  /** As `connecting`. */
  get pending(): boolean {
    return this.connecting;
  }

  /** Bytes written so far, those still queued here included. */
  get bytesWritten(): number {
    return this.#bytesTaken + this.writableLength;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening";
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
    if (typeof ms !== "number" || !(ms >= 0)) throw new AstraError("EINVAL", `a timeout is a number of milliseconds, not ${ms}`);
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

  /** Ends, and destroys once all that was written has left, which the peer's window may put off. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** Breaks the stream: both ends get ECONNRESET. */
  resetAndDestroy(): this {
    return this.destroy(new AstraError("ECONNRESET", "the stream was reset here"));
  }

  /** While it connects, this gives the attempt up. */
  override destroy(error?: Error): this {
    if (this.connecting && !this.destroyed) this.#ongiveup?.();
    // A pipeline that has succeeded destroys with this error whatever has not emitted 'close' yet; a net.Socket then emits no 'error' either.
    const isDone = this.readableEnded && this.writableFinished && codeOf(error) === "ERR_STREAM_DESTROYED";
    return super.destroy(isDone ? undefined : error);
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
    const source = this.#source;
    // Where both directions are over the socket is destroyed, and a stream that is closed is reset after a while: by then nothing of it is to be left here.
    source.end().then(() => source.writeClosed).then(
      () => callback(),
      // Nothing is left to say, so that the peer listens no more is no failure.
      (error: unknown) => callback(AstraError.is(error, "EPIPE") ? null : (error as Error)),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#idle?.cancel();
    const source = this.#source as ByteStream | undefined;
    const failed = error !== null && !(this.readableEnded && isEndOfIteration(error));
    if (failed || this.writableLength > 0) source?.reset();
    else void source?.close();
    callback(error);
  }

  async #connect(opening: Opening, callback: (error?: Error | null) => void): Promise<void> {
    try {
      const opened = await opening.opened;
      this.connecting = false;
      this.#open(opened);
    } catch (error) {
      this.connecting = false;
      callback(this.destroyed ? null : (error as Error));
      return;
    }
    callback();
    // The callback takes a tick to have its effect.
    process.nextTick(() => {
      if (this.destroyed) return;
      // Without a buffer to fill, nobody else asks again for whoever began to wait for 'readable' while it connected.
      if (this.listenerCount("readable") > 0) this.read(0);
      this.emit("connect");
      this.emit("ready");
    });
  }

  #open({ stream, local, remote }: Opened): void {
    this.#source = stream;
    this.localAddress = local?.address;
    this.localPort = local?.port;
    this.localFamily = family(local);
    this.remoteAddress = remote?.address;
    this.remotePort = remote?.port;
    this.remoteFamily = family(remote);
    stream.closed.then(
      () => this.#bothOver(),
      (error: unknown) => {
        // What came before the stream broke may still be read; then reading tells.
        if (stream.readableLength === 0) this.destroy(error as Error);
      },
    );
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

  /** Both directions are over. Where ours was ended here the Duplex closes by itself; where the peer stopped reading, after what came was read. */
  #bothOver(): void {
    const close = (): void => {
      if (!this.writableEnded) this.destroy();
    };
    if (this.readableEnded) close();
    else this.once("end", close);
  }
}

function codeOf(error: Error | undefined): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

/** Node ends an async iteration that has read everything with such an error, where our direction is still open: nothing went wrong. That of a signal has a cause. */
function isEndOfIteration(error: Error): boolean {
  return codeOf(error) === "ABORT_ERR" && error.cause === undefined;
}

function family(end: EndAddress | undefined): string | undefined {
  if (end === undefined) return undefined;
  if (isIPv4(end.address)) return "IPv4";
  return isIPv6(end.address) ? "IPv6" : undefined;
}
