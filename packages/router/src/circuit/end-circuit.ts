import { Session, StreamConnection, type Stream } from "@astranet/mux";
import { AstraError, type Connection } from "@astranet/transport";
import { nodeIdToBytes, type NodeId } from "../node-id.ts";
import { streamTypes } from "../stream-types.ts";
import { encodeFailure, failureError, failureFor, failureOf, type CircuitFailure } from "./circuit-failure.ts";
import type { CircuitHeader } from "./circuit-header.ts";
import type { CircuitsOptions } from "./circuit-types.ts";

/** What an end of a circuit is made with. */
export interface EndCircuitInit {
  readonly options: CircuitsOptions;
  readonly header: CircuitHeader;
  /** This end's place on the path: 0 at the opener's, the last one at the other. */
  readonly index: number;
  /** The circuit's stream on the link to the next, or from the last, node of the path. */
  readonly stream: Stream;
}

/** One end of a circuit: its stream, what secures it, and the session over it. */
export class EndCircuit {
  readonly peer: NodeId;
  readonly path: readonly NodeId[];
  readonly initiator: boolean;
  readonly stream: Stream;
  /** When somebody last had a use for it. */
  usedAt: number;
  /** It takes no new streams, and ends with the last one. */
  leaving = false;
  readonly #options: CircuitsOptions;
  readonly #index: number;
  readonly #connection: StreamConnection;
  readonly #prologue: Uint8Array;
  #session: Session | undefined;
  #broken: { readonly error: unknown } | undefined;
  #aborted = false;

  constructor({ options, header, index, stream }: EndCircuitInit) {
    const { path } = header;
    this.#options = options;
    this.#index = index;
    this.path = path;
    this.initiator = index === 0;
    this.peer = this.initiator ? path.at(-1)! : path[0]!;
    this.stream = stream;
    this.#prologue = prologueOf(header);
    this.usedAt = options.clock.now();
    // Whoever waits for either hears of it after us.
    stream.opened.catch((error: unknown) => this.#broke(error));
    stream.closed.catch((error: unknown) => this.#broke(error));
    this.#connection = new StreamConnection(stream, {
      kind: "circuit",
      clock: options.clock,
      localAddress: `circuit:${options.self}`,
      remoteAddress: `circuit:${this.peer}`,
      explain: (error) => this.#explain(error),
      resetCode: (reason) => {
        this.#aborted = true;
        return encodeFailure(failureFor(reason, index));
      },
    });
  }

  /** What the nodes on the way say, where one of them ended it and not this end. */
  get failure(): CircuitFailure | undefined {
    return this.#broken && this.#failureOf(this.#broken.error);
  }

  /** The session over it. Only once `establish` has resolved. */
  get session(): Session {
    return this.#session!;
  }

  /** Proves to both ends who they are, and starts the session. Rejects with what `secure` says, or with what broke the circuit. */
  async establish(): Promise<void> {
    try {
      this.#session = this.#makeSession(await Promise.race([this.#secured(), this.#end()]));
    } catch (error) {
      this.abort(error);
      throw error;
    }
  }

  /** Gives it up at once; the other end hears why. */
  abort(reason: unknown): void {
    this.#aborted = true;
    this.stream.reset(encodeFailure(failureFor(reason, this.#index)));
  }

  /** No new streams; those that run may finish, for as long as a session's end allows. */
  close(): Promise<void> {
    this.leaving = true;
    return this.session.close();
  }

  /** The stream ended: unless this end did it, somebody else did. */
  #broke(error: unknown): void {
    if (!this.#aborted) this.#broken ??= { error };
  }

  get #neighbourIndex(): number {
    return this.initiator ? 1 : this.#index - 1;
  }

  async #secured(): Promise<Connection> {
    const { initiator, peer, stream } = this;
    const connection = await this.#options.secure(this.#connection, { initiator, peer, prologue: this.#prologue });
    // What both ends have proved to each other is an answer too, where they did; where not, the acceptance alone is one.
    if (initiator) await stream.opened;
    else stream.accept();
    return connection;
  }

  /** Rejects when the stream is over: whoever secures it need not notice. */
  async #end(): Promise<never> {
    await this.stream.closed;
    throw new AstraError("ECONNRESET", `the circuit to ${this.peer} ended before it was established`);
  }

  #makeSession(connection: Connection): Session {
    const { clock, dial, session: more } = this.#options;
    const session = new Session(connection, {
      ...more,
      role: this.initiator ? "client" : "server",
      manualAccept: true,
      onstream: (stream) => {
        // Neither records nor other circuits ever come over a circuit.
        if (stream.type !== streamTypes.dial) {
          stream.refuse(`streams of type ${String(stream.type)} are not for circuits`);
          return;
        }
        this.usedAt = clock.now();
        try {
          dial(stream, this.peer);
        } catch (error) {
          session.abort(error);
        }
      },
      clock,
    });
    void session.draining.then(() => (this.leaving = true));
    return session;
  }

  /** What the end of the stream means here. Once established, nobody knows what of it had an effect at the other end. */
  #explain(error: unknown): AstraError {
    this.#broke(error);
    const told = this.#failureOf(error);
    // What this end knows by itself is that its neighbour is gone.
    const failure = told.atIndex === this.#index ? { ...told, atIndex: this.#neighbourIndex } : told;
    if (this.#session === undefined) return failureError(failure, this.path, error);
    return failureError({ ...failure, retryable: false }, this.path, error);
  }

  #failureOf(error: unknown): CircuitFailure {
    return failureOf(error, this.#index, this.#neighbourIndex);
  }
}

/** "astranet circuit 1", the path, the circuit's id: whoever changes any of it on the way makes the handshake fail. */
function prologueOf({ path, id }: CircuitHeader): Uint8Array {
  const name = new TextEncoder().encode("astranet circuit 1");
  return new Uint8Array([...name, ...path.flatMap((node) => [...nodeIdToBytes(node)]), ...id]);
}
