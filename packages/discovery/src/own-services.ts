import { AstraError } from "@astranet/transport";
import { hashText } from "./hash.ts";
import { checkServiceName } from "./names.ts";
import { recordKinds } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { checkEntry, defaultWeight, encodeEntries, entryKey, type ServiceEntry } from "./service-entry.ts";

/** What `publish` takes. */
export interface PublishInit {
  readonly name: string;
  readonly port: number;
  /** Default "". */
  readonly env?: string;
  /** 1 … 255. Default 100. */
  readonly weight?: number;
  /** Default false. */
  readonly hidden?: boolean;
  /** At most 16, and 512 bytes together. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** A service that this node offers, until it is withdrawn. */
export interface Publication {
  /** Offers it to nobody from now on, without withdrawing it. */
  drain(): void;
  update(change: { weight?: number; tags?: Readonly<Record<string, string>> }): void;
  /** Takes it back. Doing it twice does nothing. */
  withdraw(): void;
}

const fragmentCounts = [1, 4, 16, 64, 256];
const comfortableFragmentBytes = 4096;
const maxOwnFragmentBytes = 16_384;

/** This node's own services, written into its SVC records: spread over fragments by a hash of the name, so that one bind rewrites little. */
export class OwnServices {
  readonly #store: RecordStore;
  readonly #limit: number;
  readonly #fragments: Map<string, ServiceEntry>[] = [new Map<string, ServiceEntry>()];
  #count = 0;

  constructor(store: RecordStore, limit: number) {
    this.#store = store;
    this.#limit = limit;
  }

  /** Throws EINVAL for a malformed one, EADDRINUSE for one that is there, ERR_ASTRANET_OVERLOAD beyond the limit. */
  publish(init: PublishInit): Publication {
    let entry = checkEntry({
      name: checkServiceName(init.name),
      env: init.env ?? "",
      port: init.port,
      weight: init.weight ?? defaultWeight,
      hidden: init.hidden ?? false,
      tags: { ...init.tags },
    });
    if (this.#count >= this.#limit) throw new AstraError("ERR_ASTRANET_OVERLOAD", `this node offers ${this.#limit} services already`);
    if (this.#fragment(entry.name).has(entryKey(entry))) throw new AstraError("EADDRINUSE", `service ${entryKey(entry)} is published already`);
    let withdrawn = false;
    const change = (next: ServiceEntry): void => {
      if (withdrawn) return;
      this.#write(checkEntry(next));
      entry = next;
    };
    this.#write(entry);
    this.#count += 1;
    return {
      drain: () => change({ ...entry, weight: 0 }),
      update: ({ weight = entry.weight, tags = entry.tags }) => change({ ...entry, weight, tags: { ...tags } }),
      withdraw: () => {
        if (withdrawn) return;
        withdrawn = true;
        this.#count -= 1;
        const fragment = this.#fragment(entry.name);
        fragment.delete(entryKey(entry));
        this.#put(this.#fragments.indexOf(fragment));
      },
    };
  }

  #fragment(name: string): Map<string, ServiceEntry> {
    return this.#fragments[hashText(name) % this.#fragments.length]!;
  }

  #write(entry: ServiceEntry): void {
    const fragment = this.#fragment(entry.name);
    const key = entryKey(entry);
    const before = fragment.get(key);
    fragment.set(key, entry);
    const size = encodeEntries([...fragment.values()]).length;
    const next = fragmentCounts[fragmentCounts.indexOf(this.#fragments.length) + 1];
    if (size > comfortableFragmentBytes && next !== undefined) {
      this.#spread(next);
      return;
    }
    try {
      if (size > maxOwnFragmentBytes) throw new AstraError("ERR_ASTRANET_OVERLOAD", `too many services: a fragment of them would take ${size} bytes`);
      this.#put(this.#fragments.indexOf(fragment));
    } catch (error) {
      if (before === undefined) fragment.delete(key);
      else fragment.set(key, before);
      throw error;
    }
  }

  /** Spreads the entries over more fragments. A reader that has only some of the new records meanwhile sees some entries twice or not yet, never wrong ones. */
  #spread(count: number): void {
    const entries = this.#fragments.flatMap((fragment) => [...fragment.values()]);
    this.#fragments.length = 0;
    for (let i = 0; i < count; i += 1) this.#fragments.push(new Map());
    for (const entry of entries) this.#fragment(entry.name).set(entryKey(entry), entry);
    // Additions first: what moves is in two fragments for a moment, instead of in none.
    for (let i = count - 1; i >= 0; i -= 1) this.#put(i);
  }

  #put(index: number): void {
    const slot = (recordKinds.service << 8) | index;
    const payload = encodeEntries([...this.#fragments[index]!.values()]);
    if (payload.length === 0 && this.#store.get(this.#store.self, slot) === undefined) return;
    this.#store.put(slot, payload);
  }
}
