import { AstraError } from "@astranet/transport";
import { concat } from "./bytes.ts";
import { hashText } from "./hash.ts";
import { checkServiceName } from "./names.ts";
import { recordKinds } from "./record.ts";
import type { RecordStore } from "./record-store.ts";
import { checkEntry, defaultWeight, encodeEntry, entryKey, type ServiceEntry } from "./service-entry.ts";
import type { ServiceInfo } from "./service-info.ts";

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
  /**
   * Of all exclusive providers of the name that can be reached, only the one that was published first is offered, the same one on every node. In each part
   * of a network that fell apart there is one: it is no lock. Providers that are not exclusive are not affected. Default false.
   */
  readonly exclusive?: boolean;
  /** An exclusive service is not offered, because `winner` goes before it; undefined: it is offered again. Called later, never from within `publish`. */
  readonly onconflict?: (winner: ServiceInfo | undefined) => void;
  /**
   * Whether the service is well. While it is not (false, or it throws, or has not answered when the next check is due) the service is offered
   * to nobody. Only the owner judges its services. Default: no check.
   */
  readonly check?: () => boolean | Promise<boolean>;
  /** Between two checks. Default 5,000. */
  readonly checkIntervalMs?: number;
}

/** A service that this node offers, until it is withdrawn. */
export interface Publication {
  /** Offers it to nobody from now on, without withdrawing it. */
  drain(): void;
  /** A new weight also ends draining. */
  update(change: { weight?: number; tags?: Readonly<Record<string, string>> }): void;
  /** Takes it back. Doing it twice does nothing. */
  withdraw(): void;
}

/** The same, with what the directory says about it. */
export interface OwnPublication extends Publication {
  readonly entry: ServiceEntry;
  /** A service that is not well is offered to nobody. */
  setWell(well: boolean): void;
}

/** The limits of a node's own services. */
export interface OwnServicesLimits {
  readonly maxServices: number;
  /** As they are encoded. */
  readonly maxBytes: number;
}

interface Written {
  readonly entry: ServiceEntry;
  readonly bytes: Uint8Array;
  /** What it takes when it is offered, so that what is offered to nobody for a while has the room to come back. */
  readonly length: number;
}

/** What one record holds: the entries by key. */
class Fragment {
  readonly written = new Map<string, Written>();
  byteLength = 0;

  set(key: string, written: Written): void {
    this.delete(key);
    this.written.set(key, written);
    this.byteLength += written.length;
  }

  delete(key: string): void {
    this.byteLength -= this.written.get(key)?.length ?? 0;
    this.written.delete(key);
  }
}

const fragmentCounts = [1, 4, 16, 64, 256];
const comfortableFragmentBytes = 4096;
const maxOwnFragmentBytes = 16_384;

/** This node's own services, written into its SVC records: spread over fragments by a hash of the name, so that one bind rewrites little. */
export class OwnServices {
  readonly #store: RecordStore;
  readonly #limits: OwnServicesLimits;
  readonly #fragments: Fragment[] = [new Fragment()];
  readonly #published = new Set<OwnPublication>();
  #count = 0;
  #bytes = 0;

  constructor(store: RecordStore, limits: OwnServicesLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** What is published and not withdrawn. */
  get published(): ReadonlySet<Publication> {
    return this.#published;
  }

  /** The entries in one of this node's slots. */
  entries(slot: number): ServiceEntry[] {
    return [...(this.#fragments[slot & 0xff]?.written.values() ?? [])].map(({ entry }) => entry);
  }

  /** Throws EINVAL for a malformed one, EADDRINUSE for one that is there, ERR_ASTRANET_OVERLOAD beyond the limits. */
  publish(init: PublishInit, nowMs: number): OwnPublication {
    let entry = checkEntry({
      name: checkServiceName(init.name),
      env: init.env ?? "",
      port: init.port,
      weight: init.weight ?? defaultWeight,
      hidden: init.hidden ?? false,
      tags: { ...init.tags },
      exclusiveSince: init.exclusive === true ? nowMs : undefined,
    });
    const { maxServices } = this.#limits;
    if (this.#count >= maxServices) throw new AstraError("ERR_ASTRANET_OVERLOAD", `this node offers ${maxServices} services already`);
    if (this.#fragment(entry.name).written.has(entryKey(entry))) throw new AstraError("EADDRINUSE", `service ${entryKey(entry)} is published already`);
    let [withdrawn, draining, well] = [false, false, true];
    const write = (next: ServiceEntry, drained: boolean): void => {
      if (withdrawn) return;
      this.#write(next, well && !drained);
      entry = next;
      draining = drained;
    };
    write(entry, false);
    this.#count += 1;
    const publication: OwnPublication = {
      get entry() {
        return entry;
      },
      drain: () => {
        write(entry, true);
      },
      update: ({ weight, tags = entry.tags }) => {
        write(checkEntry({ ...entry, weight: weight ?? entry.weight, tags: { ...tags } }), draining && weight === undefined);
      },
      setWell: (now) => {
        well = now;
        write(entry, draining);
      },
      withdraw: () => {
        if (withdrawn) return;
        withdrawn = true;
        this.#published.delete(publication);
        this.#count -= 1;
        this.#remove(entry);
      },
    };
    this.#published.add(publication);
    return publication;
  }

  #fragment(name: string): Fragment {
    return this.#fragments[hashText(name) % this.#fragments.length]!;
  }

  #write(full: ServiceEntry, offered: boolean): void {
    const fragment = this.#fragment(full.name);
    const key = entryKey(full);
    const before = fragment.written.get(key);
    const entry = offered ? full : { ...full, weight: 0 };
    const bytes = encodeEntry(entry);
    const length = offered ? bytes.length : encodeEntry(full).length;
    const total = this.#bytes + length - (before?.length ?? 0);
    const { maxBytes } = this.#limits;
    if (total > maxBytes) throw new AstraError("ERR_ASTRANET_OVERLOAD", `this node's services would take ${total} bytes, ${maxBytes} are allowed`);
    fragment.set(key, { entry, bytes, length });
    const next = fragmentCounts[fragmentCounts.indexOf(this.#fragments.length) + 1];
    try {
      if (fragment.byteLength > comfortableFragmentBytes && next !== undefined) this.#spread(next);
      else if (fragment.byteLength > maxOwnFragmentBytes) throw tooLong(fragment.byteLength);
      else this.#put(this.#fragments.indexOf(fragment));
    } catch (error) {
      const home = this.#fragment(entry.name);
      if (before === undefined) home.delete(key);
      else home.set(key, before);
      throw error;
    }
    this.#bytes = total;
  }

  #remove(entry: ServiceEntry): void {
    const fragment = this.#fragment(entry.name);
    const before = fragment.byteLength;
    fragment.delete(entryKey(entry));
    this.#bytes -= before - fragment.byteLength;
    this.#put(this.#fragments.indexOf(fragment));
  }

  /** Spreads the entries over more fragments. A reader that has only some of the new records meanwhile sees some entries twice or not yet, never wrong ones. */
  #spread(count: number): void {
    const all = this.#fragments.flatMap((fragment) => [...fragment.written]);
    this.#fragments.length = 0;
    for (let i = 0; i < count; i += 1) this.#fragments.push(new Fragment());
    for (const [key, written] of all) this.#fragment(written.entry.name).set(key, written);
    // Additions first: what moves is in two fragments for a moment, instead of in none.
    for (let i = count - 1; i >= 0; i -= 1) this.#put(i);
  }

  #put(index: number): void {
    const slot = (recordKinds.service << 8) | index;
    const fragment = this.#fragments[index]!;
    if (fragment.byteLength === 0 && this.#store.get(this.#store.self, slot) === undefined) return;
    this.#store.put(slot, concat([...fragment.written.values()].map(({ bytes }) => bytes)));
  }
}

function tooLong(bytes: number): AstraError {
  return new AstraError("ERR_ASTRANET_OVERLOAD", `too many services of one name: a fragment of them would take ${bytes} bytes`);
}
