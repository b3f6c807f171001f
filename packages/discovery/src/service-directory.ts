import { AstraError, systemClock, type Clock } from "@astranet/transport";
import { Contests } from "./contests.ts";
import { HealthCheck, checkInterval, defaultCheckIntervalMs } from "./health-check.ts";
import { LiveRegistry, type Registry } from "./live-registry.ts";
import { OwnServices, type OwnPublication, type Publication, type PublishInit } from "./own-services.ts";
import type { Reachability } from "./reachability.ts";
import { recordKinds } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { decodeEntries, type ServiceEntry } from "./service-entry.ts";
import { compareServices, serviceUid, type ServiceInfo } from "./service-info.ts";

/** What a ServiceDirectory is made with. */
export interface ServiceDirectoryOptions {
  readonly store: RecordStore;
  readonly reachability: Reachability;
  /** Services of one node: of this one, `publish` refuses more with ERR_ASTRANET_OVERLOAD; of another, more are not seen. Default 4,096. */
  readonly maxServicesPerNode?: number;
  /** What this node's services may take together in its records; `publish` refuses more with ERR_ASTRANET_OVERLOAD. Default 256 KiB. */
  readonly maxServiceBytes?: number;
  /** For health checks, and for which of two exclusive services is the older one. Default: the real one. */
  readonly clock?: Clock;
}

/** One entry of an owner, and what of it is offered now: nothing while the owner cannot be reached, or offers it to nobody. */
interface Known {
  /** How many fragments say it: one, but for an entry on its way from one to another. */
  slots: number;
  entry: ServiceEntry;
  offered: ServiceInfo | undefined;
}

/** Everything that one node says about its services. */
interface Owner {
  readonly known: Map<string, Known>;
  /** The uids that a fragment says. */
  readonly bySlot: Map<number, readonly string[]>;
}

/** How far an owner is; undefined for one that cannot be reached. */
type Way = Pick<ServiceInfo, "cost" | "distance"> | undefined;

/**
 * Who offers what, as this node sees it: the SVC records of the store, seen through reachability.
 * A service is visible exactly while its owner can be reached (this node always can) and offers it with a weight above 0; of exclusive ones of a name, one.
 * Only owners withdraw.
 */
export class ServiceDirectory {
  readonly self: string;
  readonly #store: RecordStore;
  readonly #reachability: Reachability;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #own: OwnServices;
  readonly #owners = new Map<string, Owner>();
  readonly #contests: Contests;
  /** By namespace and name, hidden ones too. */
  readonly #everything = new LiveRegistry<ServiceInfo>(compareServices);
  readonly #hidden = new Set<string>();
  /** What was asked for: by namespace, or of all of them under undefined. Without the hidden ones. */
  readonly #views = new Map<string | undefined, LiveRegistry<ServiceInfo>>();
  readonly #conflicts = new Map<string, (winner: ServiceInfo | undefined) => void>();
  readonly #checks = new Set<HealthCheck>();
  readonly #subscriptions: (() => void)[];
  readonly #nowMs: () => number;
  #closed: AstraError | undefined;

  constructor(options: ServiceDirectoryOptions) {
    this.#store = options.store;
    this.self = options.store.self;
    this.#reachability = options.reachability;
    this.#clock = options.clock ?? systemClock;
    this.#limit = options.maxServicesPerNode ?? 4096;
    this.#own = new OwnServices(this.#store, { maxServices: this.#limit, maxBytes: options.maxServiceBytes ?? 256 * 1024 });
    // An incarnation begins with the time of day: all that is known of it here, as the core has no calendar.
    const beganMs = Number(this.#store.firstIncarnation >> 16n);
    const beganAt = this.#clock.now();
    this.#nowMs = () => beganMs + Math.floor(this.#clock.now() - beganAt);
    this.#contests = new Contests({
      show: (uid, info) => this.#show(uid, info),
      hide: (uid, info) => this.#hide(uid, info),
      settled: (uid, winner) => this.#settled(uid, winner),
    });
    for (const origin of this.#store.origins()) this.#readAll(origin);
    this.#subscriptions = [
      this.#store.subscribe((origin, record) => {
        if (record === undefined) this.#readAll(origin);
        else if (record.slot >> 8 === recordKinds.service) this.#readSlot(origin, record.slot, record.payload, this.#wayTo(origin));
      }),
      this.#reachability.subscribe((id) => this.#refresh(id)),
    ];
  }

  /**
   * Offers a service of this node; it is visible here at once. Throws EINVAL for a malformed one, EADDRINUSE for a name and port that is published
   * already, ERR_ASTRANET_OVERLOAD beyond the limits.
   */
  publish(init: PublishInit): Publication {
    const intervalMs = checkInterval(init.checkIntervalMs ?? defaultCheckIntervalMs);
    const own = this.#own.publish(init, this.#nowMs());
    const uid = serviceUid({ ...own.entry, id: this.self });
    const unwatch = init.exclusive === true && init.onconflict !== undefined ? this.#watchConflict(uid, init.onconflict) : undefined;
    const check = init.check === undefined ? undefined : this.#check(own, init.check, intervalMs);
    return {
      drain: () => own.drain(),
      update: (change) => own.update(change),
      withdraw: () => {
        unwatch?.();
        if (check !== undefined) {
          this.#checks.delete(check);
          check.close();
        }
        own.withdraw();
      },
    };
  }

  /** Offers none of this node's services to anybody from now on, without withdrawing them: the first step of leaving. */
  drain(): void {
    for (const publication of this.#own.published) publication.drain();
  }

  /** The visible services, by name, the nearest first; of one namespace where one is given. Hidden ones are left out. */
  services(env?: string): ServiceInfo[] {
    const found: ServiceInfo[] = [];
    for (const service of this.#everything) {
      if ((env !== undefined && service.env !== env) || this.#isHidden(serviceUid(service))) continue;
      // Who has just been lost is not shown, though the change is told a moment later only.
      if (service.id === this.self || this.#reachability.cost(service.id) !== undefined) found.push(this.#withCost(service));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareServices(a, b)));
  }

  /** The same, live: by name (the costs are those of the last change of each), of one namespace where one is given. */
  registry(env?: string): Registry<ServiceInfo> {
    const known = this.#views.get(env);
    if (known !== undefined) return known;
    const registry = new LiveRegistry<ServiceInfo>(compareServices);
    for (const service of this.#everything) {
      const uid = serviceUid(service);
      if ((env === undefined || service.env === env) && !this.#isHidden(uid)) registry.set(uid, service.name, service);
    }
    if (this.#closed !== undefined) registry.close(this.#closed);
    this.#views.set(env, registry);
    return registry;
  }

  /** Who offers `name`, hidden ones too, nearest first; on one port where one is given. */
  providers(name: string, env = "", port?: number): readonly ServiceInfo[] {
    return this.#everything
      .getAll(`${env}/${name}`)
      .filter((service) => port === undefined || service.port === port)
      .map((service) => this.#withCost(service))
      .sort(compareServices);
  }

  /** The nearest provider of `name` (on one port, where one is given), as soon as there is one. Rejects with `signal.reason` after an abort. */
  async waitFor(name: string, env = "", options: { signal?: AbortSignal; port?: number } = {}): Promise<ServiceInfo> {
    const { port } = options;
    const found = this.providers(name, env, port)[0];
    return found ?? this.#everything.findWhere(`${env}/${name}`, (service) => port === undefined || service.port === port, options);
  }

  /** Stops following the store and reachability, and checking health. Watches end, and who waits for a service gets `error`. */
  close(error: AstraError = new AstraError("ERR_ASTRANET_INVALID_STATE", "the directory is closed")): void {
    this.#closed ??= error;
    for (const end of this.#subscriptions) end();
    for (const check of this.#checks) check.close();
    for (const registry of [this.#everything, ...this.#views.values()]) registry.close(error);
  }

  #check(own: OwnPublication, check: () => boolean | Promise<boolean>, intervalMs: number): HealthCheck {
    const made = new HealthCheck({ clock: this.#clock, check, intervalMs, changed: (well) => own.setWell(well) });
    this.#checks.add(made);
    return made;
  }

  /** Tells about changes of the winner, once for each, and never from within what caused them. Returns what ends it. */
  #watchConflict(uid: string, callback: (winner: ServiceInfo | undefined) => void): () => void {
    let told: ServiceInfo | undefined;
    let now = this.#winnerBefore(uid);
    const tellSoon = (): void => {
      this.#clock.defer(() => {
        if (this.#conflicts.get(uid) !== settled || uidOf(told) === uidOf(now)) return;
        told = now;
        callback(now);
      });
    };
    const settled = (winner: ServiceInfo | undefined): void => {
      now = winner;
      tellSoon();
    };
    this.#conflicts.set(uid, settled);
    tellSoon();
    return () => {
      if (this.#conflicts.get(uid) === settled) this.#conflicts.delete(uid);
    };
  }

  /** Who is offered in the place of an own exclusive service. */
  #winnerBefore(uid: string): ServiceInfo | undefined {
    const offered = this.#owners.get(this.self)?.known.get(uid)?.offered;
    return offered === undefined ? undefined : this.#contests.winnerBefore(uid, offered);
  }

  #settled(uid: string, winner: ServiceInfo | undefined): void {
    this.#conflicts.get(uid)?.(winner);
  }

  #isHidden(uid: string): boolean {
    return this.#hidden.has(uid);
  }

  #wayTo(origin: string): Way {
    if (origin === this.self) return { cost: 0, distance: 0 };
    const cost = this.#reachability.cost(origin);
    return cost === undefined ? undefined : { cost, distance: this.#reachability.hops?.(origin) ?? 1 };
  }

  /** Round trips change all the time, without anybody being told. */
  #withCost(service: ServiceInfo): ServiceInfo {
    const cost = this.#reachability.cost(service.id) ?? service.cost;
    return cost === service.cost ? service : { ...service, cost };
  }

  #readAll(origin: string): void {
    const way = this.#wayTo(origin);
    const gone = new Set(this.#owners.get(origin)?.bySlot.keys());
    for (const { slot, payload } of this.#store.records(origin)) {
      if (slot >> 8 !== recordKinds.service) continue;
      gone.delete(slot);
      this.#readSlot(origin, slot, payload, way);
    }
    for (const slot of gone) this.#readSlot(origin, slot, new Uint8Array(0), way);
  }

  /** Takes in what one fragment of an owner says now. The work grows with that fragment, not with all that the owner offers. */
  #readSlot(origin: string, slot: number, payload: Uint8Array, way: Way): void {
    const entries = origin === this.self ? this.#own.entries(slot) : decodeEntries(payload);
    const owner: Owner = this.#owners.get(origin) ?? { known: new Map<string, Known>(), bySlot: new Map<number, readonly string[]>() };
    const before = new Set(owner.bySlot.get(slot));
    const said = new Set<string>();
    for (const entry of entries) {
      const uid = serviceUid({ id: origin, env: entry.env, name: entry.name, port: entry.port });
      let known = owner.known.get(uid);
      if (known === undefined) {
        if (owner.known.size >= this.#limit) continue;
        known = { slots: 0, entry, offered: undefined };
        owner.known.set(uid, known);
      }
      if (!said.has(uid) && !before.delete(uid)) known.slots += 1;
      said.add(uid);
      this.#update(origin, uid, known, entry, way);
    }
    for (const uid of before) this.#unsay(owner, uid);
    owner.bySlot.set(slot, [...said]);
    if (owner.known.size === 0) this.#owners.delete(origin);
    else this.#owners.set(origin, owner);
  }

  #unsay(owner: Owner, uid: string): void {
    const known = owner.known.get(uid)!;
    known.slots -= 1;
    if (known.slots > 0) return;
    owner.known.delete(uid);
    this.#withdraw(uid, known);
  }

  #refresh(origin: string): void {
    const owner = this.#owners.get(origin);
    if (owner === undefined) return;
    const way = this.#wayTo(origin);
    for (const [uid, known] of owner.known) this.#update(origin, uid, known, known.entry, way);
  }

  #update(origin: string, uid: string, known: Known, entry: ServiceEntry, way: Way): void {
    const entryBefore = known.entry;
    const now: ServiceInfo | undefined =
      way === undefined || entry.weight === 0
        ? undefined
        : { name: entry.name, env: entry.env, id: origin, port: entry.port, distance: way.distance, cost: way.cost, weight: entry.weight, tags: entry.tags };
    const moved = entryBefore.hidden !== entry.hidden || (entryBefore.exclusiveSince === undefined) !== (entry.exclusiveSince === undefined);
    if (now === undefined || moved) this.#withdraw(uid, known);
    known.entry = entry;
    if (now === undefined) return;
    if (known.offered !== undefined && entryBefore.exclusiveSince === entry.exclusiveSince && !differs(known.offered, now)) return;
    known.offered = now;
    if (entry.hidden) this.#hidden.add(uid);
    if (entry.exclusiveSince === undefined) this.#show(uid, now);
    else this.#contests.set(uid, now, entry.exclusiveSince);
  }

  #withdraw(uid: string, known: Known): void {
    const { offered, entry } = known;
    if (offered === undefined) return;
    known.offered = undefined;
    if (entry.exclusiveSince === undefined) this.#hide(uid, offered);
    else this.#contests.delete(uid, offered);
    this.#hidden.delete(uid);
  }

  #show(uid: string, info: ServiceInfo): void {
    this.#everything.set(uid, `${info.env}/${info.name}`, info);
    if (this.#isHidden(uid)) return;
    this.#views.get(info.env)?.set(uid, info.name, info);
    this.#views.get(undefined)?.set(uid, info.name, info);
  }

  #hide(uid: string, info: ServiceInfo): void {
    this.#everything.delete(uid);
    this.#views.get(info.env)?.delete(uid);
    this.#views.get(undefined)?.delete(uid);
  }
}

function uidOf(service: ServiceInfo | undefined): string | undefined {
  return service === undefined ? undefined : serviceUid(service);
}

function differs(a: ServiceInfo, b: ServiceInfo): boolean {
  if (a.cost !== b.cost || a.weight !== b.weight || a.distance !== b.distance) return true;
  if (a.tags === b.tags) return false;
  const keys = Object.keys(a.tags);
  return keys.length !== Object.keys(b.tags).length || keys.some((key) => a.tags[key] !== b.tags[key]);
}
