import { Session, type Stream } from "@astranet/mux";
import { memoryPair, type Clock, type RandomSource } from "@astranet/transport";

/** A session from this node to itself: a dial of its own takes the same way as every other. Made at the first one. */
export class LoopSession {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #onstream: (stream: Stream) => void;
  #ends: { client: Session; server: Session } | undefined;

  constructor(clock: Clock, random: RandomSource, onstream: (stream: Stream) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onstream = onstream;
  }

  get session(): Session {
    return (this.#ends ??= this.#make()).client;
  }

  /** Running streams finish, for 5 s at most. */
  async close(): Promise<void> {
    if (this.#ends === undefined) return;
    const { client, server } = this.#ends;
    await Promise.all([client.close(), server.close()]);
  }

  #make(): { client: Session; server: Session } {
    const [a, b] = memoryPair({ clock: this.#clock });
    // Nothing can be lost in between, and nobody can fall silent.
    const common = { keepAlive: false, clock: this.#clock, random: this.#random } as const;
    const server = new Session(b, { ...common, role: "server", manualAccept: true, onstream: this.#onstream });
    const ends = { client: new Session(a, { ...common, role: "client" }), server };
    const forget = (): void => {
      if (this.#ends === ends) this.#ends = undefined;
    };
    ends.client.closed.then(forget, forget);
    return ends;
  }
}
