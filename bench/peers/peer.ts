/** One stream of a peer, reduced to what the works need. */
export interface BenchStream {
  /** Sends `chunk` (never changed afterwards). Undefined: go on at once; a promise: go on when it resolves. */
  write(chunk: Uint8Array): Promise<unknown> | undefined;
  /** Half-closes, or closes where the peer has no half-close. */
  end(): void;
  /** Delivers what comes from now on; `end` is called once, after the last byte. */
  read(data: (chunk: Uint8Array) => void, end: () => void): void;
  /** One chunk (null: end), where reading is possible without a listener that stays. */
  pull?(): Promise<Uint8Array | null>;
  /** What a user of the peer would hold on to, where that is not this object: D holds it, so as not to count the adapter. */
  bare?(): object;
  /** This adapter for what `bare` gave. */
  wrap?(bare: object): BenchStream;
}

export interface BenchLink {
  open(): BenchStream | Promise<BenchStream>;
  /** Ends it; resolves when it may be dialled again. J dials and closes links. */
  close?(): Promise<unknown>;
  /** How many hops the streams take, where the peer knows. */
  readonly hops?: number;
}

/** What a server does with what comes: of multiplexers, with each stream. */
export type OnStream = (stream: BenchStream) => void;

/** A multiplexer (or a bare socket) as the works see it; what is above those has links and servers of another kind. One link at a time is measured. */
export interface Peer<Link = BenchLink, Server = OnStream> {
  /** Listens on a free loopback port and gives the port. */
  listen(server: Server): Promise<number>;
  dial(port: number): Promise<Link>;
  /** Carries what comes to the peer that listens at `target`: listens on a free loopback port and gives that. */
  relay?(target: number): Promise<number>;
  /** One client that links again and again, and at once with others of its kind; each link is closed before it makes the next. */
  dialler?(): Promise<(port: number) => Promise<Link>>;
}
