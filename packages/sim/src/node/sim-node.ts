import { RecordStore, type RecordStoreOptions } from "@astranet/discovery";
import { drawNodeId, type Membership, type RouterEvent, type RouterOptions } from "@astranet/router";
import type { SocketDeath } from "../net/sim-connection.ts";
import { SimTransport } from "../net/sim-transport.ts";
import { Process, type ProcessClock } from "../time/process.ts";
import type { World } from "../world.ts";
import { Life, type Identity, type Tampering } from "./life.ts";
import { drawKeys, securityOf } from "./secrets.ts";

/** What a SimNode is made with. All optional. */
export interface SimNodeOptions {
  readonly name?: string;
  /** Default: its own; two nodes with one name share a machine. */
  readonly host?: string;
  /** More for its Router. */
  readonly router?: Partial<RouterOptions>;
  readonly clock?: ProcessClock;
  readonly tampering?: Tampering;
  readonly identity?: Identity;
  /** It encrypts, and links with those that know one of these; none: with anybody. Default: links in clear. */
  readonly secrets?: readonly string[];
}

/** How a node begins a new life. */
export interface StartOptions {
  /** With another id and key, as a process without an identity does. Default false. */
  readonly anew?: boolean;
}

/** A node of a world: a place where one process at a time runs, with its address, its identity, its clock and whom it wants to be linked with. */
export class SimNode {
  readonly name: string;
  readonly number: number;
  readonly host: string;
  /** Where it listens. */
  readonly address: string;
  /** What it dials at each start. */
  readonly wants: Set<string> = new Set<string>();
  /** How far its time of day is from the world's. */
  wallOffsetMs = 0;
  /** What its next life knows, see SimNodeOptions. */
  secrets: readonly string[] | undefined;
  /** When it last went on after a pause. */
  resumedAt = 0;
  readonly world: World;
  readonly #options: SimNodeOptions;
  #identity: Identity;
  #life: Life | undefined;
  #lives = 0;
  #memberships = new Map<string, Promise<Membership>>();

  /** Made by a World. @internal */
  constructor(world: World, number: number, options: SimNodeOptions) {
    this.world = world;
    this.#options = options;
    this.number = number;
    this.name = options.name ?? `n${number}`;
    this.host = options.host ?? this.name;
    this.address = `${this.host}:${7000 + (options.host === undefined ? 0 : number)}`;
    this.secrets = options.secrets;
    this.#identity = options.identity ?? this.#drawIdentity();
  }

  get id(): string {
    return this.#identity.id;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** What runs now. */
  get life(): Life | undefined {
    return this.#life;
  }

  /** What runs now. Throws where nothing does. */
  get running(): Life {
    if (this.#life === undefined) throw new Error(`${this.name} does not run`);
    return this.#life;
  }

  /** Whether others count on it to carry what they say. It always listens. */
  get relays(): boolean {
    const { role = "auto" } = this.#options.router ?? {};
    return role === "router" || role === "auto";
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  /** Its time of day now, in milliseconds since 1970. */
  get epochMs(): number {
    return 1_700_000_000_000 + this.world.now + this.wallOffsetMs;
  }

  /** A process starts, listens, and dials whom the node wants. */
  start(options: StartOptions = {}): Life {
    if (this.#life !== undefined) throw new Error(`${this.name} runs already`);
    if (options.anew === true) this.#identity = this.#drawIdentity();
    this.#lives += 1;
    const world = this.world;
    const random = world.random.fork(`${this.name}/${this.#lives}`);
    const process = new Process(world.timeline, this.name, this.number, this.#options.clock);
    world.trace.add(world.now, this.name, "starts", this.id);
    const { keys } = this.#identity;
    const life = new Life({
      process,
      random,
      identity: this.#identity,
      transport: new SimTransport(world.network, process, this.host),
      epochMs: this.epochMs,
      options: this.#options.router ?? {},
      security: keys === undefined || this.secrets === undefined ? undefined : securityOf(keys, this.secrets),
      tampering: this.#options.tampering ?? {},
      onsuperseded: (gone) => {
        world.trace.add(world.now, this.name, "is superseded");
        world.superseded(this, gone);
        void this.stop();
      },
    });
    this.#life = life;
    life.router.subscribe((event) => this.#told(life, event));
    world.began(this, life);
    // It may have to wait for the port that its last life had.
    void life.router.listen("sim", this.address).catch((error: unknown) => world.trace.add(world.now, this.name, "cannot listen", String(error)));
    for (const address of this.wants) this.#join(life, address);
    return life;
  }

  /** From now on it wants a link with whoever listens at `address`. */
  join(address: string): void {
    this.wants.add(address);
    if (this.#life !== undefined) this.#join(this.#life, address);
  }

  /** It wants that no more. */
  leave(address: string): void {
    this.wants.delete(address);
    const membership = this.#memberships.get(address);
    this.#memberships.delete(address);
    membership?.then((joined) => joined.close()).catch(() => undefined);
  }

  /** Its process is killed. What its kernel tells the other ends: `reset` (default), `fin`, or `silent`, as when the power fails. */
  crash(death: SocketDeath = "reset"): void {
    const life = this.#life;
    if (life === undefined) return;
    const world = this.world;
    world.trace.add(world.now, this.name, "crashes", death);
    for (const pair of world.network.connections()) for (const end of pair) if (end.process === life.process) end.death = death;
    life.process.kill();
    this.#ended(life);
  }

  /** Its process ends as it should: closes everything, and exits. Resolves then. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    const world = this.world;
    world.trace.add(world.now, this.name, "leaves");
    await life.close();
    // What the end itself sets off in this tick is part of it.
    await new Promise<void>((resolve) => life.process.defer(resolve));
    if (this.#life !== life) return;
    world.trace.add(world.now, this.name, "exits");
    world.exited(this, life);
    life.process.kill();
    this.#ended(life);
  }

  /** SIGSTOP; `counts: false` as when the lid of a laptop is closed. */
  pause(options: { counts?: boolean } = {}): void {
    this.world.disturbed();
    this.world.trace.add(this.world.now, this.name, "pauses");
    this.#life?.process.pause(options);
  }

  resume(): void {
    this.world.disturbed();
    this.resumedAt = this.world.now;
    this.world.trace.add(this.world.now, this.name, "resumes");
    this.#life?.process.resume();
  }

  /** A store such as its lives have. */
  makeStore(options: RecordStoreOptions): RecordStore {
    const make = (given: RecordStoreOptions): RecordStore => new RecordStore(given);
    return this.#options.tampering?.store?.(options, make) ?? make(options);
  }

  #ended(life: Life): void {
    this.#life = undefined;
    this.#memberships = new Map();
    this.world.ended(this, life);
  }

  #join(life: Life, address: string): void {
    if (this.#memberships.has(address)) return;
    const joined = life.router.join("sim", address, this.#options.tampering?.join ?? {});
    this.#memberships.set(address, joined);
    joined.catch((error: unknown) => {
      if (this.#memberships.get(address) === joined) this.#memberships.delete(address);
      this.world.trace.add(this.world.now, this.name, "gave up joining", String(error));
    });
  }

  #told(life: Life, event: RouterEvent): void {
    const world = this.world;
    const detail = "peer" in event ? event.peer : "id" in event ? event.id : "error" in event ? String(event.error) : "";
    world.trace.add(world.now, this.name, event.type, detail);
    world.routerEvent(this, life, event);
  }

  #drawIdentity(): Identity {
    const random = this.world.random.fork(`${this.name}/identity/${this.#lives}`);
    if (this.secrets === undefined) return { id: drawNodeId(random.bytes), key: random.bytes(16) };
    const { keys, id } = drawKeys(random);
    return { id, key: keys.publicKey, keys };
  }
}
