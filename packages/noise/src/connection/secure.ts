import { AstraError, type Connection, type ConnectionSink, type Timer } from "@astranet/transport";
import { gather, lengthOf } from "../crypto/bytes.ts";
import { alertFrame, alerts, Refusal } from "./alert.ts";
import { initiate, respond, type Exchange } from "./exchange.ts";
import { FrameReader, LENGTH_BYTES, lengthPrefix } from "./frame-reader.ts";
import { checkOptions, type SecureOptions, type Settings } from "./options.ts";
import { RecordConnection, type Established, type SecureConnection } from "./secure-connection.ts";

/**
 * Makes an encrypted, authenticated connection out of `connection`, which is not started and belongs to the new one from now on.
 * The initiator's first message leaves within the call, in one `send`. Start what comes at once: meanwhile what arrives is kept.
 *
 * Rejects with
 * - EINVAL for a wrong option, and then the connection was not touched;
 * - EACCES where the secrets do not fit, the other end has another key than `remoteStatic`, or it refused us;
 * - ERR_ASTRANET_HANDSHAKE where the handshake was tampered with, does not fit, takes too long or too many bytes, or the other end
 *   hung up (the last three are retryable);
 * - what `verify` or `payload` threw, and `signal.reason` after an abort.
 *
 * After a rejection other than EINVAL the connection is being closed, or was aborted.
 */
export function secure(connection: Connection, options: SecureOptions): Promise<SecureConnection> {
  return new Promise((resolve, reject) => {
    // What this throws, before anything began, rejects the promise.
    new Handshake(connection, checkOptions(options), resolve, reject).begin();
  });
}

/** Drives an exchange over a connection, within its limits, until this end is sure or gives up. */
class Handshake implements ConnectionSink {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #resolve: (connection: SecureConnection) => void;
  readonly #reject: (error: unknown) => void;
  readonly #reader = new FrameReader();
  readonly #exchange: Exchange;
  #timer: Timer | undefined = undefined;
  /** Bytes that the other end has announced in this attempt, and bytes that came. */
  #announced = 0;
  #received = 0;
  #running = false;
  #over = false;
  /** Who gets what comes from the connection; this object until the handshake is over. */
  #sink: ConnectionSink = this;

  constructor(connection: Connection, settings: Settings, resolve: (connection: SecureConnection) => void, reject: (error: unknown) => void) {
    this.#connection = connection;
    this.#settings = settings;
    this.#resolve = resolve;
    this.#reject = reject;
    const output = {
      message: (parts: readonly Uint8Array[]) => void connection.send([gather([lengthPrefix(lengthOf(parts)), ...parts])]),
      record: (pieces: readonly Uint8Array[]) => void connection.send(pieces),
      again: () => {
        this.#announced = 0;
      },
    };
    this.#exchange = settings.role === "initiator" ? initiate(settings, output) : respond(settings, output);
  }

  begin(): void {
    const { signal, clock, handshakeTimeoutMs } = this.#settings;
    this.#connection.start({
      data: (chunk) => this.#sink.data(chunk),
      drain: () => this.#sink.drain(),
      closed: (reason) => this.#sink.closed(reason),
    });
    if (signal?.aborted === true) {
      this.#onabort();
      return;
    }
    signal?.addEventListener("abort", this.#onabort);
    const late = (): void => {
      const what = `the handshake was not done within ${handshakeTimeoutMs} ms: ${this.#received} bytes came`;
      this.#abort(new AstraError("ERR_ASTRANET_HANDSHAKE", what, { retryable: true }));
    };
    this.#timer = clock.setTimer(handshakeTimeoutMs, late, { keepAlive: true });
    this.#step(() => this.#exchange.next());
  }

  data(chunk: Uint8Array): void {
    this.#received += chunk.length;
    this.#reader.feed(chunk);
    while (this.#step(() => this.#nextStep()));
  }

  drain(): void {
    // What a handshake sends is far below what has to wait.
  }

  closed(reason?: unknown): void {
    this.#end();
    this.#reject(new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end closed the connection during the handshake", { retryable: true, cause: reason }));
  }

  #nextStep(): IteratorResult<undefined, Established> | undefined {
    const frame = this.#reader.next((length) => this.#check(length));
    return frame === undefined ? undefined : this.#exchange.next(frame);
  }

  /** Returns whether there may be more to do at once. */
  #step(run: () => IteratorResult<undefined, Established> | undefined): boolean {
    let result: IteratorResult<undefined, Established> | undefined;
    this.#running = true;
    try {
      result = run();
    } catch (thrown) {
      if (!this.#isOver()) this.#refuse(thrown);
      return false;
    } finally {
      this.#running = false;
    }
    // `verify` or `payload` may have aborted the signal.
    if (this.#isOver()) this.#forget(result);
    else if (result?.done === true) this.#establish(result.value);
    return result?.done === false && !this.#isOver();
  }

  /** The compiler takes `#over` for what it was before the exchange ran. */
  #isOver(): boolean {
    return this.#over;
  }

  #forget(result: IteratorResult<undefined, Established> | undefined): void {
    if (result?.done !== true) {
      this.#exchange.return(undefined as never);
      return;
    }
    result.value.send.destroy();
    result.value.receive.destroy();
  }

  #establish(established: Established): void {
    this.#end();
    const { clock, maxUnstartedBytes } = this.#settings;
    const connection = new RecordConnection(this.#connection, this.#reader, established, { clock, maxUnstartedBytes });
    this.#sink = connection;
    this.#resolve(connection);
  }

  #refuse(thrown: unknown): void {
    this.#end();
    const { alert, error } = thrown instanceof Refusal ? thrown : { alert: alerts.unreadable, error: thrown };
    if (alert !== undefined) this.#connection.send(alertFrame(alert));
    this.#connection.close();
    this.#reject(error);
  }

  #abort(reason: unknown): void {
    this.#end();
    this.#connection.abort(reason);
    this.#reject(reason);
  }

  readonly #onabort = (): void => {
    this.#abort(this.#settings.signal?.reason);
  };

  /** Nothing more is expected of anybody; keys that are left are forgotten. */
  #end(): void {
    this.#over = true;
    this.#sink = nobody;
    this.#timer?.cancel();
    this.#settings.signal?.removeEventListener("abort", this.#onabort);
    if (!this.#running) this.#exchange.return(undefined as never);
  }

  #check(length: number): void {
    this.#announced += LENGTH_BYTES + length;
    const { maxHandshakeBytes } = this.#settings;
    if (length > 0 && this.#announced <= maxHandshakeBytes) return;
    const what = length === 0 ? "an empty message" : `${this.#announced} bytes, and ${maxHandshakeBytes} are allowed`;
    throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end's handshake announces ${what}`);
  }
}

/** After a failure the connection is only being closed. */
const nobody: ConnectionSink = { data: () => undefined, drain: () => undefined, closed: () => undefined };
