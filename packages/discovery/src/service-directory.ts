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

interface Visible {
  readonly info: ServiceInfo;
  readonly hidden: boolean;
}

interface Owner {
  readonly slots: Map<number, readonly ServiceEntry[]>;
  /** By uid, what of it is visible now. */
  visible: Map<string, Visible>;
}

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
        else if (record.slot >> 8 === recordKinds.service) {
          this.#readSlot(origin, record.slot, record.payload);
          this.#refresh(origin);
        }
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
    return [...this.registry(env)].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : compareServices(a, b)));
  }

  /** The same, live: by name, of one namespace where one is given. */
  registry(env?: string): Registry<ServiceInfo> {
    if (env === undefined) return this.#listed;
    const known = this.#listedByEnv.get(env);
    if (known !== undefined) return known;
    const registry = new LiveRegistry<ServiceInfo>(compareServices);
    for (const service of this.#listed) if (service.env === env) registry.set(serviceUid(service), service.name, service);
    this.#listedByEnv.set(env, registry);
    return registry;
  }

  /** Who offers `name`, hidden ones too, nearest first; on one port where one is given. */
  providers(name: string, env = "", port?: number): readonly ServiceInfo[] {
    const all = this.#everything.getAll(`${env}/${name}`);
    return port === undefined ? all : all.filter((service) => service.port === port);
  }

  /** The nearest provider of `name` (on one port, where one is given), as soon as there is one. Rejects with `signal.reason` after an abort. */
  async waitFor(name: string, env = "", options: { signal?: AbortSignal; port?: number } = {}): Promise<ServiceInfo> {
    const { port, signal } = options;
    const found = this.providers(name, env, port)[0];
    if (found !== undefined) return found;
    if (port === undefined) return this.#everything.find(`${env}/${name}`, options);
    return this.#byPort.find(`${env}/${name}:${port}`, signal === undefined ? {} : { signal });
  }

  /** Stops following the store and reachability. */
  close(): void {
    for (const end of this.#subscriptions) end();
  }

  #readAll(origin: string): void {
    this.#owners.get(origin)?.slots.clear();
    for (const record of this.#store.records(origin)) {
      if (record.slot >> 8 === recordKinds.service) this.#readSlot(origin, record.slot, record.payload);
    }
    this.#refresh(origin);
  }

  #readSlot(origin: string, slot: number, payload: Uint8Array): void {
    let owner = this.#owners.get(origin);
    if (owner === undefined) this.#owners.set(origin, (owner = { slots: new Map(), visible: new Map() }));
    const entries = decodeEntries(payload);
    if (entries.length === 0) owner.slots.delete(slot);
    else owner.slots.set(slot, entries);
  }

  /** Brings what is visible of one owner up to date. */
  #refresh(origin: string): void {
    const owner = this.#owners.get(origin);
    if (owner === undefined) return;
    const before = owner.visible;
    owner.visible = this.#visibleOf(origin, owner);
    for (const [uid, { info }] of before) if (!owner.visible.has(uid)) this.#unlist(uid, info);
    for (const [uid, now] of owner.visible) {
      const was = before.get(uid);
      if (was === undefined || was.hidden !== now.hidden || differs(was.info, now.info)) this.#list(uid, now);
    }
    if (owner.slots.size === 0) this.#owners.delete(origin);
  }

  #visibleOf(origin: string, owner: Owner): Map<string, Visible> {
    const visible = new Map<string, Visible>();
    const cost = origin === this.self ? 0 : this.#reachability.cost(origin);
    if (cost === undefined) return visible;
    const distance = origin === this.self ? 0 : (this.#reachability.hops?.(origin) ?? 1);
    const seen = new Set<string>();
    for (const entries of owner.slots.values()) {
      for (const entry of entries) {
        if (seen.size >= this.#limit) return visible;
        seen.add(entryKey(entry));
        if (entry.weight === 0) continue;
        const { name, env, port, weight, tags } = entry;
        const info: ServiceInfo = { name, env, id: origin, port, distance, cost, weight, tags };
        visible.set(serviceUid(info), { info, hidden: entry.hidden });
      }
    }
    return visible;
  }

  /** Hidden services are visible to a dial by name, and are not listed. */
  #list(uid: string, { info, hidden }: Visible): void {
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
