import { AstraError } from "@astranet/transport";
import { Dialler, isSelf, selfLinkError, type DiallerHost, type Interest } from "./link/dialler.ts";
import type { Link } from "./link/link-types.ts";
import type { NodeLink } from "./link/node-link.ts";
import type { JoinOptions, Membership, RetryOptions } from "./membership.ts";
import type { NodeId } from "./node-id.ts";

/** Addresses that turned out to be this node; the oldest is forgotten. */
const maxSelfAddresses = 1024;

/** What Memberships need of their node, besides what a Dialler does. */
export interface MembershipsHost extends Omit<DiallerHost, "ended"> {
  readonly maxMemberships: number;
}

/** The addresses that this node wants to be linked with. Several joins of one address share one dialler. */
export class Memberships {
  readonly #host: MembershipsHost;
  readonly #diallers = new Map<string, Dialler>();
  readonly #members = new Map<Dialler, Set<Member>>();
  readonly #selfAddresses = new Set<string>();

  constructor(host: MembershipsHost) {
    this.#host = host;
  }

  async join(network: string, address: string, options: JoinOptions): Promise<Membership> {
    const { signal, retry = {} } = options;
    signal?.throwIfAborted();
    if (retry !== false) checkRetry(retry);
    const key = `${network} ${address}`;
    if (this.#selfAddresses.has(key)) throw selfLinkError();
    let dialler = this.#diallers.get(key);
    if (dialler === undefined) {
      const { maxMemberships } = this.#host;
      if (this.#diallers.size >= maxMemberships) throw new AstraError("ERR_ASTRANET_OVERLOAD", `${maxMemberships} addresses are joined already`);
      dialler = new Dialler({ ...this.#diallerHost(key) }, network, address);
      this.#diallers.set(key, dialler);
      this.#members.set(dialler, new Set());
    }
    const member = new Member(dialler, retry, (over) => this.#members.get(over.dialler)?.delete(over));
    this.#members.get(dialler)!.add(member);
    const aborted = (): void => void member.giveUp(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    try {
      dialler.add(member);
      await member.joined;
      return member;
    } finally {
      signal?.removeEventListener("abort", aborted);
    }
  }

  /** Ends all of them; their links drain. */
  async close(): Promise<void> {
    await Promise.all([...this.#diallers.values()].map((dialler) => dialler.end()));
  }

  #diallerHost(key: string): DiallerHost {
    const host = this.#host;
    return {
      clock: host.clock,
      random: host.random,
      slots: host.slots,
      dial: (network, address) => host.dial(network, address),
      gone: (hello, signal) => host.gone(hello, signal),
      best: (peer) => host.best(peer),
      failed: (dialler, error, retryInMs) => {
        if (isSelf(error)) this.#rememberSelf(key);
        host.failed(dialler, error, retryInMs);
      },
      ended: (dialler) => {
        if (this.#diallers.get(key) === dialler) this.#diallers.delete(key);
        const members = this.#members.get(dialler);
        this.#members.delete(dialler);
        for (const member of members ?? []) member.end();
      },
    };
  }

  #rememberSelf(key: string): void {
    this.#selfAddresses.add(key);
    if (this.#selfAddresses.size <= maxSelfAddresses) return;
    const [oldest] = this.#selfAddresses;
    this.#selfAddresses.delete(oldest!);
  }
}

/** One join of an address. */
class Member implements Membership, Interest {
  readonly dialler: Dialler;
  readonly retry: false | RetryOptions;
  readonly joined: Promise<void>;
  readonly closed: Promise<void>;
  readonly #onover: (member: Member) => void;
  #peer: NodeId = "";
  #settleJoined!: { resolve: () => void; reject: (error: unknown) => void };
  #resolveClosed!: () => void;

  constructor(dialler: Dialler, retry: false | RetryOptions, onover: (member: Member) => void) {
    this.dialler = dialler;
    this.retry = retry;
    this.#onover = onover;
    this.joined = new Promise((resolve, reject) => (this.#settleJoined = { resolve, reject }));
    this.joined.catch(() => undefined);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  get network(): string {
    return this.dialler.network;
  }

  get address(): string {
    return this.dialler.address;
  }

  get peer(): NodeId {
    return this.#peer;
  }

  get link(): Link | undefined {
    return this.dialler.link;
  }

  linked(link: NodeLink): void {
    this.#peer = link.hello.id;
    this.#settleJoined.resolve();
  }

  failed(error: unknown, final: boolean): void {
    // Once it has joined it never gives up.
    if (this.#peer === "" && (final || this.retry === false)) void this.giveUp(error);
  }

  async giveUp(reason: unknown): Promise<void> {
    this.#settleJoined.reject(reason);
    await this.close();
  }

  async close(): Promise<void> {
    this.#onover(this);
    await this.dialler.remove(this);
    this.end();
  }

  /** It is over, for whatever reason. */
  end(): void {
    if (this.#peer === "") this.#settleJoined.reject(new AstraError("ERR_ASTRANET_INVALID_STATE", "the membership ended before there was a link"));
    this.#resolveClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function checkRetry({ minDelayMs = 500, maxDelayMs = 30_000 }: RetryOptions): void {
  if (!(minDelayMs >= 0) || !(maxDelayMs >= 0)) throw new AstraError("EINVAL", `retry delays are numbers of milliseconds from 0 on, not ${String(minDelayMs)} and ${String(maxDelayMs)}`);
}
