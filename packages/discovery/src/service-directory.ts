import { AstraError } from "@astranet/transport";
import { LiveRegistry, type Registry } from "./live-registry.ts";
import { OwnServices, type Publication, type PublishInit } from "./own-services.ts";
import type { Reachability } from "./reachability.ts";
import { recordKinds } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { decodeEntries, entryKey, type ServiceEntry } from "./service-entry.ts";
import { compareServices, serviceUid, type ServiceInfo } from "./service-info.ts";

/** What a ServiceDirectory is made with. */
export interface ServiceDirectoryOptions {
  readonly store: RecordStore;
  readonly reachability: Reachability;
  /** Services of one node: of this one, `publish` refuses more with ERR_ASTRANET_OVERLOAD; of another, more are not seen. Default 4,096. */
  readonly maxServicesPerNode?: number;
}

/** One entry of an owner, and what of it is listed now: nothing while the owner cannot be reached, or offers it to nobody. */
interface Known {
  /** The fragments that say it: one, but for an entry on its way from one to another. */
  slots: readonly number[];
  entry: ServiceEntry;
  listed: ServiceInfo | undefined;
}

/** By uid, everything that an owner says. */
type Owner = Map<string, Known>;

/**
 * Who offers what, as this node sees it: the SVC records of the store, seen through reachability.
 * A service is visible exactly while its owner can be reached (this node always can) and offers it with a weight above 0. Only owners withdraw.
 */
export class ServiceDirectory {
  readonly self: string;
  readonly #store: RecordStore;
  readonly #reachability: Reachability;
  readonly #limit: number;
  readonly #own: OwnServices;
  readonly #owners = new Map<string, Owner>();
  readonly #everything: LiveRegistry<ServiceInfo>;
  readonly #byPort: LiveRegistry<ServiceInfo>;
  readonly #listed: LiveRegistry<ServiceInfo>;
  readonly #listedByEnv = new Map<string, LiveRegistry<ServiceInfo>>();
  readonly #subscriptions: (() => void)[];
  #closed: AstraError | undefined;

  constructor(options: ServiceDirectoryOptions) {
    this.#store = options.store;
    this.self = options.store.self;
    this.#reachability = options.reachability;
    this.#limit = options.maxServicesPerNode ?? 4096;
    this.#own = new OwnServices(this.#store, this.#limit);
    this.#everything = new LiveRegistry(compareServices);
    this.#byPort = new LiveRegistry(compareServices);
    this.#listed = new LiveRegistry(compareServices);
    for (const origin of this.#store.origins()) this.#readAll(origin);
    this.#subscriptions = [
      this.#store.subscribe((origin, record) => {
        if (record === undefined) this.#readAll(origin);
        else if (record.slot >> 8 === recordKinds.service) this.#readSlot(origin, record.slot, decodeEntries(record.payload));
      }),
      this.#reachability.subscribe((id) => this.#refresh(id)),
    ];
  }

  /** Offers a service of this node; it is visible here at once. */
  publish(init: PublishInit): Publication {
    return this.#own.publish(init);
  }

  /** The visible services, nearest first; of one namespace where one is given. Hidden ones are left out. */
  services(env?: string): ServiceInfo[] {
    return [...this.registry(env)].map((service) => this.#withCost(service)).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareServices(a, b)));
  }

  /** The same, live: by name (the costs are those of the last change of each), of one namespace where one is given. */
  registry(env?: string): Registry<ServiceInfo> {
    if (env === undefined) return this.#listed;
    const known = this.#listedByEnv.get(env);
    if (known !== undefined) return known;
    const registry = new LiveRegistry<ServiceInfo>(compareServices);
    for (const service of this.#listed) if (service.env === env) registry.set(serviceUid(service), service.name, service);
    if (this.#closed !== undefined) registry.close(this.#closed);
    this.#listedByEnv.set(env, registry);
    return registry;
  }

  /** Who offers `name`, hidden ones too, nearest first; on one port where one is given. */
  providers(name: string, env = "", port?: number): readonly ServiceInfo[] {
    const all = port === undefined ? this.#everything.getAll(`${env}/${name}`) : this.#byPort.getAll(`${env}/${name}:${port}`);
    return all.map((service) => this.#withCost(service)).sort(compareServices);
  }

  /** The nearest provider of `name` (on one port, where one is given), as soon as there is one. Rejects with `signal.reason` after an abort. */
  async waitFor(name: string, env = "", options: { signal?: AbortSignal; port?: number } = {}): Promise<ServiceInfo> {
    const { port, signal } = options;
    const found = this.providers(name, env, port)[0];
    if (found !== undefined) return found;
    if (port === undefined) return this.#everything.find(`${env}/${name}`, options);
    return this.#byPort.find(`${env}/${name}:${port}`, signal === undefined ? {} : { signal });
  }

  /** Stops following the store and reachability. Watches end, and who waits for a service gets `error`. */
  close(error: AstraError = new AstraError("ERR_ASTRANET_INVALID_STATE", "the directory is closed")): void {
    this.#closed ??= error;
    for (const end of this.#subscriptions) end();
    for (const registry of [this.#listed, this.#everything, this.#byPort, ...this.#listedByEnv.values()]) registry.close(error);
  }

  /** Round trips change all the time, without anybody being told. */
  #withCost(service: ServiceInfo): ServiceInfo {
    const cost = service.id === this.self ? 0 : (this.#reachability.cost(service.id) ?? service.cost);
    return cost === service.cost ? service : { ...service, cost };
  }

  #readAll(origin: string): void {
    const slots = new Map<number, ServiceEntry[]>();
    for (const known of this.#owners.get(origin)?.values() ?? []) for (const slot of known.slots) slots.set(slot, []);
    for (const { slot, payload } of this.#store.records(origin)) {
      if (slot >> 8 === recordKinds.service) slots.set(slot, decodeEntries(payload));
    }
    for (const [slot, entries] of slots) this.#readSlot(origin, slot, entries);
  }

  /** Takes in what one fragment of an owner says now. The work grows with that fragment, not with all that the owner offers. */
  #readSlot(origin: string, slot: number, entries: readonly ServiceEntry[]): void {
    const owner: Owner = this.#owners.get(origin) ?? new Map<string, Known>();
    const said = new Map(entries.map((entry) => [serviceUid({ ...entry, id: origin }), entry]));
    for (const [uid, known] of owner) {
      if (!known.slots.includes(slot) || said.has(uid)) continue;
      known.slots = known.slots.filter((each) => each !== slot);
      if (known.slots.length > 0) continue;
      owner.delete(uid);
      if (known.listed !== undefined) this.#unlist(uid, known.listed);
    }
    for (const [uid, entry] of said) {
      let known = owner.get(uid);
      if (known === undefined) {
        if (owner.size >= this.#limit) continue;
        owner.set(uid, (known = { slots: [slot], entry, listed: undefined }));
      } else if (!known.slots.includes(slot)) known.slots = [...known.slots, slot];
      const wasHidden = known.entry.hidden;
      known.entry = entry;
      this.#refreshOne(origin, uid, known, wasHidden);
    }
    if (owner.size === 0) this.#owners.delete(origin);
    else this.#owners.set(origin, owner);
  }

  #refresh(origin: string): void {
    for (const [uid, known] of this.#owners.get(origin) ?? []) this.#refreshOne(origin, uid, known, known.entry.hidden);
  }

  #refreshOne(origin: string, uid: string, known: Known, wasHidden: boolean): void {
    const before = known.listed;
    const now = this.#visible(origin, known.entry);
    if (now === undefined) {
      known.listed = undefined;
      if (before !== undefined) this.#unlist(uid, before);
    } else if (before === undefined || wasHidden !== known.entry.hidden || differs(before, now)) {
      known.listed = now;
      this.#list(uid, now, known.entry.hidden);
    }
  }

  #visible(origin: string, { name, env, port, weight, tags }: ServiceEntry): ServiceInfo | undefined {
    const own = origin === this.self;
    const cost = own ? 0 : this.#reachability.cost(origin);
    if (cost === undefined || weight === 0) return undefined;
    const distance = own ? 0 : (this.#reachability.hops?.(origin) ?? 1);
    return { name, env, id: origin, port, distance, cost, weight, tags };
  }

  /** Hidden services are visible to a dial by name, and are not listed. */
  #list(uid: string, info: ServiceInfo, hidden: boolean): void {
    this.#everything.set(uid, `${info.env}/${info.name}`, info);
    this.#byPort.set(uid, entryKey(info), info);
    if (hidden) {
      this.#unlistPublicly(uid, info);
      return;
    }
    this.#listed.set(uid, info.name, info);
    this.#listedByEnv.get(info.env)?.set(uid, info.name, info);
  }

  #unlist(uid: string, service: ServiceInfo): void {
    this.#everything.delete(uid);
    this.#byPort.delete(uid);
    this.#unlistPublicly(uid, service);
  }

  #unlistPublicly(uid: string, service: ServiceInfo): void {
    this.#listed.delete(uid);
    this.#listedByEnv.get(service.env)?.delete(uid);
  }
}

function differs(a: ServiceInfo, b: ServiceInfo): boolean {
  if (a.cost !== b.cost || a.weight !== b.weight || a.distance !== b.distance) return true;
  const keys = Object.keys(a.tags);
  return keys.length !== Object.keys(b.tags).length || keys.some((key) => a.tags[key] !== b.tags[key]);
}
