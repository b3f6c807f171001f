import { RecordStore, Resolver, ServiceDirectory, serviceUid, type Publication, type PublishInit, type RecordStoreOptions, type ResolveQuery } from "@astranet/discovery";
import type { Identity as Keys } from "@astranet/noise";
import { makeIncarnation, Router, type Conn, type JoinOptions, type Listener, type RouterOptions, type SecurityOptions } from "@astranet/router";
import type { Clock, Transport } from "@astranet/transport";
import type { Process } from "../time/process.ts";
import type { SeededRandom } from "../time/seeded-random.ts";

/** Who a node is, whatever becomes of its processes. */
export interface Identity {
  readonly id: string;
  readonly key: Uint8Array;
  /** Of a node that encrypts, whose `key` and id are of them. */
  readonly keys?: Keys | undefined;
}

/** Where a node's parts may be replaced by worse ones; what is left out stays as it is. */
export interface Tampering {
  store?(options: RecordStoreOptions, make: (options: RecordStoreOptions) => RecordStore): RecordStore;
  transport?(transport: Transport, process: Process): Transport;
  routerOptions?(options: RouterOptions): RouterOptions;
  /** What its directory is told about the routes. */
  reachability?(router: Router): Router["reachability"];
  /** Its directory's view of the store. */
  directory?(directory: ServiceDirectory): ServiceDirectory;
  /** How it joins. */
  readonly join?: JoinOptions;
  /** What its application gets when it offers a service. */
  publication?(publication: Publication): Publication;
  /** Its clock, as its parts see it. */
  clock?(clock: Clock): Clock;
  /** This very life has begun. */
  began?(life: Life): void;
}

/** What a Life is made with. */
export interface LifeInit {
  readonly process: Process;
  readonly random: SeededRandom;
  readonly identity: Identity;
  readonly transport: Transport;
  /** The time of day where it runs, in milliseconds since 1970. */
  readonly epochMs: number;
  readonly options: Partial<RouterOptions>;
  /** Default: links in clear. */
  readonly security?: SecurityOptions | undefined;
  readonly tampering: Tampering;
  /** It has to go, and has begun to. */
  readonly onsuperseded: (life: Life) => void;
}

/** A service that this life offers. */
export interface Offer {
  readonly listener: Listener;
  readonly name: string;
  readonly env: string;
  readonly port: number;
  /** Of an exclusive one: since when it is offered, by its node's time of day. */
  readonly exclusiveSince: number | undefined;
  /** Of an exclusive one: which other its owner was told is offered in its place. */
  beatenBy: string | undefined;
}

/** One process of a node, from its start to its end, made of the real parts and wired as the umbrella package wires them. */
export class Life {
  readonly process: Process;
  readonly random: SeededRandom;
  readonly store: RecordStore;
  readonly router: Router;
  readonly directory: ServiceDirectory;
  readonly resolver: Resolver;
  readonly offers: Set<Offer> = new Set<Offer>();
  /** A younger process under the same id has taken its place. */
  superseded = false;
  readonly #tampering: Tampering;
  readonly #onoffer: ((offer: Offer, isOn: boolean) => void)[] = [];
  readonly #epochMs: () => number;
  #closing: Promise<void> | undefined;

  constructor(init: LifeInit) {
    const { process, random, identity, tampering } = init;
    this.process = process;
    this.#tampering = tampering;
    const clock = tampering.clock?.(process) ?? process;
    const [beganMs, beganAt] = [Math.floor(init.epochMs), process.now()];
    this.#epochMs = () => beganMs + Math.floor(process.now() - beganAt);
    this.random = random;
    const makeStore = (options: RecordStoreOptions): RecordStore => new RecordStore(options);
    const storeOptions: RecordStoreOptions = {
      self: identity.id,
      incarnation: makeIncarnation(init.epochMs, random.bytes),
      clock,
      onsuperseded: () => {
        this.superseded = true;
        void this.close();
        init.onsuperseded(this);
      },
    };
    this.store = tampering.store?.(storeOptions, makeStore) ?? makeStore(storeOptions);
    const options: RouterOptions = {
      ...(init.security === undefined ? { insecure: true } : { security: init.security }),
      ...init.options,
      store: this.store,
      key: identity.key,
      transports: [tampering.transport?.(init.transport, process) ?? init.transport],
      clock,
      random: random.bytes,
    };
    this.router = new Router(tampering.routerOptions?.(options) ?? options);
    const directory = new ServiceDirectory({ store: this.store, reachability: tampering.reachability?.(this.router) ?? this.router.reachability, clock });
    this.directory = tampering.directory?.(directory) ?? directory;
    this.resolver = new Resolver({ directory: this.directory, clock, random: random.bytes });
    tampering.began?.(this);
  }

  /** Offers a service, each of whose Conns goes to `onconn`. */
  bind(init: Omit<PublishInit, "port"> & { readonly port?: number; readonly onconn: (conn: Conn) => void }): Offer {
    const { onconn, name, env = "", port = 0, ...entry } = init;
    const listener = this.router.bind({
      port,
      service: name,
      env,
      onconn,
      ondrain: () => {
        publication.drain();
        this.#offersChanged(offer, false);
      },
      onclose: () => {
        publication.withdraw();
        this.#offersChanged(offer, false);
      },
    });
    const published = this.directory.publish({
      ...entry,
      name,
      env,
      port: listener.port,
      onconflict: (winner) => {
        offer.beatenBy = winner === undefined ? undefined : serviceUid(winner);
      },
    });
    const publication = this.#tampering.publication?.(published) ?? published;
    const offer: Offer = { listener, name, env, port: listener.port, exclusiveSince: entry.exclusive === true ? this.#epochMs() : undefined, beatenBy: undefined };
    this.#offersChanged(offer, true);
    return offer;
  }

  /** Dials a service by name, as an application does. */
  dial(query: ResolveQuery): Promise<Conn> {
    const { name, env = "" } = query;
    return this.resolver.resolve(query, (provider, left) => this.router.connect(provider.id, provider.port, { ...left, service: name, env }));
  }

  /** Calls `callback` with each service that it begins to offer, or offers no more. */
  onoffer(callback: (offer: Offer, isOn: boolean) => void): void {
    this.#onoffer.push(callback);
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** It says good-bye. */
  close(): Promise<void> {
    this.#closing ??= this.router.close().then(() => this.directory.close());
    return this.#closing;
  }

  #offersChanged(offer: Offer, isOn: boolean): void {
    if (isOn) this.offers.add(offer);
    else this.offers.delete(offer);
    for (const callback of this.#onoffer) callback(offer, isOn);
  }
}
