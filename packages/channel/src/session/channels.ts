import { Session, type SessionOptions, Stream, StreamConnection } from "@astranet/mux";
import { AstraError, systemClock, toConnection, type Clock, type Connection, type Pipe } from "@astranet/transport";
import type { Codec } from "../message/codec.ts";
import { msgpack } from "../message/msgpack.ts";
import { pack } from "../message/pack.ts";
import { ignore } from "../promises.ts";
import { MessageQueue } from "../queue/message-queue.ts";
import { Receiver } from "../receiver.ts";
import type { Abortable, Sender } from "../sender.ts";
import type { ChannelHost } from "./host.ts";
import { resolveLimits, type ChannelLimits } from "./limits.ts";
import { Port } from "./port.ts";
import { channelPreface, checkCodec, PrefaceReader } from "./preface.ts";
import { receiverOf, senderOf } from "./received-ends.ts";
import { References } from "./references.ts";
import { resetCodes, resetFor, turnAway } from "./reset-codes.ts";

/** What Channels run over: a Session of `@astranet/mux`, or any pipe that one can be made over: a Connection, a stream of another session, a Conn of the mesh, a WebSocket, … */
export type ChannelPipe = Session | Pipe | Stream | { readonly stream: Stream };

/** What `Channels` take. Besides, each limit of {@link ChannelLimits}. */
export interface ChannelsOptions extends Partial<ChannelLimits> {
  /** Which end this is, where the pipe is no Session: the one that dialled is usually the client. */
  readonly role?: "client" | "server";
  /** The same at both ends. Default `msgpack()`. */
  readonly codec?: Codec;
  /** For the Session that is made, where the pipe is none. */
  readonly session?: Omit<SessionOptions, "role" | "onstream" | "manualAccept">;
  /** The type of the streams that are opened, for a session with other streams too. Default none. */
  readonly type?: number;
  /** True: the session has other streams too, and whoever accepts them gives those that are channels' to `incoming`. Default false: all of its streams are. */
  readonly shared?: boolean;
  /** Where time comes from. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Channels between this process and another one, over one pipe: either side opens a channel and sends, and the other one accepts it and receives. Everything else travels in
 * messages. A session that was given is the caller's, one that was made is closed with its Channels. `In`: what the channels carry that the other side opens.
 */
export class Channels<In = unknown> implements AsyncIterable<Receiver<In>, undefined>, AsyncDisposable {
  readonly session: Session;
  readonly #host: ChannelHost;
  readonly #preface: Uint8Array;
  readonly #ownsSession: boolean;
  /** Channels that nobody has accepted. */
  readonly #waiting = new MessageQueue(0, pack);
  readonly #accepted = new Receiver<Receiver<In>>(this.#waiting);
  #waitingCount = 0;
  #isOver = false;
  #partialBytes = 0;

  /** Throws EINVAL for an option that is wrong, and where `role` is missing. */
  constructor(pipe: ChannelPipe, options: ChannelsOptions = {}) {
    const { codec = msgpack(), type, shared = false, clock = systemClock } = options;
    const limits = resolveLimits(options);
    checkCodec(codec);
    if (type !== undefined && !(Number.isInteger(type) && type >= 0 && type < 2 ** 32)) throw new AstraError("EINVAL", `type must be an integer from 0 to 2^32 − 1, not ${String(type)}`);
    this.#preface = channelPreface(codec.name);
    this.#ownsSession = !(pipe instanceof Session);
    this.session = pipe instanceof Session ? pipe : this.#sessionOver(pipe, options, clock);
    this.#host = {
      codec,
      limits,
      references: new References(limits, clock),
      openStream: () => this.session.open(type === undefined ? {} : { type }),
      holdPartial: (bytes) => this.#holdPartial(bytes),
      releasePartial: (bytes) => (this.#partialBytes -= bytes),
    };
    if (pipe instanceof Session && !shared) void this.#acceptAll();
    // What came before is still received.
    this.session.closed.then(
      () => this.#over(undefined, true),
      (error: unknown) => this.#over(error, true),
    );
  }

  /** Opens a channel, at once and without a round trip. Throws as `session.open` does: ERR_ASTRANET_SESSION_CLOSED, ERR_ASTRANET_SESSION_DRAINING, … */
  open<T = unknown>(): Sender<T> {
    const stream = this.#host.openStream();
    stream.write(this.#preface).catch(ignore);
    return senderOf<T>(this.#host, new Port(stream));
  }

  /**
   * The next channel that the other side opened. Rejects with ERR_ASTRANET_CHANNEL_CLOSED when the session was closed, with what broke it, and with
   * `signal.reason`, and then no channel is lost.
   */
  accept<T = In>(options?: Abortable): Promise<Receiver<T>> {
    return (this.#accepted as Receiver as Receiver<Receiver<T>>).receive(options);
  }

  /** Every channel that the other side opens, until the session ends. Leaving the loop early leaves everything as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Receiver<In>, undefined> {
    const iterator: AsyncIterableIterator<Receiver<In>, undefined> = {
      next: () => this.#accepted.next(),
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Takes a stream that the other side opened, in a session that is `shared`. The stream is of Channels from then on. */
  incoming(stream: Stream): void {
    if (this.#isOver) {
      turnAway(stream);
      return;
    }
    const port = new Port(stream);
    const malformed = (error: AstraError): void => resetFor(stream, error);
    port.read(
      new PrefaceReader(
        port,
        (purpose) => {
          if (this.#isOver) turnAway(stream);
          else if ("reference" in purpose) this.#host.references.arrived(purpose.reference, port);
          else if (purpose.codec === this.#host.codec.name) this.#opened(port);
          else malformed(new AstraError("ERR_ASTRANET_PROTOCOL", `the channel's messages are ${purpose.codec}, and here they are ${this.#host.codec.name}`));
        },
        malformed,
      ),
    );
  }

  /** Ends all of it: channels that are open may finish, as `session.close` says, for `closeTimeoutMs` of the session at most (default 5,000). A session that was given stays, and so do the channels that are open there; no more are accepted. */
  async close(): Promise<void> {
    if (this.#ownsSession) await this.session.close();
    else this.#over();
  }

  /** Ends all of it at once. A session that was given stays, as after `close`; who waits for `accept` hears `reason`. */
  abort(reason?: unknown): void {
    this.#over(reason ?? new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the channels were aborted here"));
    if (this.#ownsSession) this.session.abort(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sessionOver(pipe: Exclude<ChannelPipe, Session>, { role, session }: ChannelsOptions, clock: Clock): Session {
    if (role !== "client" && role !== "server") throw new AstraError("EINVAL", `role must be 'client' or 'server' where the pipe is no Session, not ${String(role)}`);
    return new Session(connectionOf(pipe, clock), { clock, ...session, role, onstream: (stream) => this.incoming(stream) });
  }

  async #acceptAll(): Promise<void> {
    try {
      for await (const stream of this.session) this.incoming(stream);
    } catch {
      // What broke the session is told by `closed`.
    }
  }

  #opened(port: Port): void {
    const { acceptBacklog } = this.#host.limits;
    const item = {
      open: (): Receiver => {
        this.#waitingCount -= 1;
        return receiverOf(this.#host, port);
      },
      discard: (): void => turnAway(port.stream),
      restore: (): void => undefined,
    };
    if (this.#waitingCount >= acceptBacklog && !this.#waiting.hasTaker) {
      port.stream.reset(resetCodes.backlog, `${acceptBacklog} channels wait to be accepted already`);
      return;
    }
    this.#waitingCount += 1;
    this.#waiting.push(item);
  }

  #holdPartial(bytes: number): void {
    const { maxPartialBytes } = this.#host.limits;
    if (this.#partialBytes + bytes > maxPartialBytes) throw new AstraError("ERR_ASTRANET_OVERLOAD", `long messages that are not whole yet exceed maxPartialBytes, ${maxPartialBytes}`);
    this.#partialBytes += bytes;
  }

  #over(error?: unknown, keep = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.references.close(error ?? new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the channels were closed"), keep);
    if (error === undefined) void this.#waiting.end();
    else this.#waiting.fail(error, { keep });
  }
}

function connectionOf(pipe: Exclude<ChannelPipe, Session>, clock: Clock): Connection {
  const stream: unknown = pipe instanceof Stream ? pipe : (pipe as { stream?: unknown }).stream;
  if (!(stream instanceof Stream)) return toConnection(pipe as Pipe, { clock });
  const { localAddress, remoteAddress } = stream.session;
  return new StreamConnection(stream, { kind: "stream", clock, localAddress, remoteAddress });
}
