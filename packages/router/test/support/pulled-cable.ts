import { AstraError, type Clock, type Connection, type ConnectionSink, type ListenInit, type Timer, type Transport, type TransportListener } from "@astranet/transport";

/** A connection that can lose its far end: this side is told, the other one is not, and goes on believing in it. */
export class PulledCable implements Connection {
  readonly #connection: Connection;
  #sink: ConnectionSink | undefined;
  readonly #clock: Clock;
  #pulled = false;
  #over = false;
  #giveUp: Timer | undefined;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  start(sink: ConnectionSink): void {
    this.#sink = sink;
    this.#connection.start({
      data: (chunk) => {
        if (!this.#pulled) sink.data(chunk);
      },
      drain: () => {
        if (!this.#pulled) sink.drain();
      },
      closed: (reason) => {
        if (!this.#pulled) this.#end(reason);
      },
    });
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.#pulled || this.#connection.send(chunks);
  }

  close(): void {
    if (!this.#pulled) this.#connection.close();
    // If nobody answers it waits for 5 s and gives up, as every connection does.
    this.#giveUp = this.#clock.setTimer(5000, () => this.#end(new AstraError("ECONNRESET", "nobody answered")));
  }

  abort(reason?: unknown): void {
    if (!this.#pulled) this.#connection.abort(reason);
    else this.#clock.defer(() => this.#end(reason));
  }

  /** Nothing comes through any more, silently. */
  silence(): void {
    this.#pulled = true;
  }

  /** The same, and this side is told. */
  pull(): void {
    this.#pulled = true;
    this.#clock.defer(() => this.#end(new AstraError("ECONNRESET", "the cable was pulled")));
  }

  #end(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveUp?.cancel();
    this.#sink?.closed(reason);
  }
}

/** A transport whose connections can lose their far ends. */
export class CableTransport implements Transport {
  readonly networks: readonly string[];
  /** What was dialled, oldest first. */
  readonly cables: PulledCable[] = [];
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
    this.networks = transport.networks;
  }

  async dial(network: string, address: string, options?: { signal?: AbortSignal }): Promise<Connection> {
    const cable = new PulledCable(await this.#transport.dial(network, address, options), this.#clock);
    this.cables.push(cable);
    return cable;
  }

  listen(network: string, address: string, init: ListenInit): Promise<TransportListener> {
    return this.#transport.listen!(network, address, init);
  }
}
