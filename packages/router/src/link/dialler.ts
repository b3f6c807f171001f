import { drawUnit } from "@astranet/discovery";
import { AstraError, type Clock, type RandomSource } from "@astranet/transport";
import type { RetryOptions } from "../membership.ts";
import type { NodeId } from "../node-id.ts";
import type { DialSlots } from "./dial-slots.ts";
import type { Hello } from "./hello.ts";
import type { NodeLink } from "./node-link.ts";

/** A link that was up for so long has shown that its address works: the next back-off begins anew. */
const provenAfterMs = 10_000;

/** Ends what a Dialler waits for. Nobody else gets to see it, so one is enough, and no stack is taken for each link that is closed. */
const membershipClosed = new AstraError("ERR_ASTRANET_INVALID_STATE", "the membership was closed");

/** What a Dialler needs of its node. */
export interface DiallerHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly slots: DialSlots;
  /** Dials, and makes a link of what comes. */
  dial(network: string, address: string): NodeLink;
  /** Resolves when no link to the process that said `hello` is up, of whatever direction. Rejects with `signal.reason`. */
  gone(hello: Hello, signal: AbortSignal): Promise<void>;
  /** The link that serves `peer` now. */
  best(peer: NodeId): NodeLink | undefined;
  failed(dialler: Dialler, error: unknown, retryInMs: number | undefined): void;
  /** May come more than once. */
  ended(dialler: Dialler): void;
}

/** Who wants the address linked. */
export interface Interest {
  readonly retry: false | RetryOptions;
  /** A link is up. Comes again after each reconnect. */
  linked(link: NodeLink): void;
  /** An attempt failed; `final`: there will be no other. */
  failed(error: unknown, final: boolean): void;
}

/** Keeps one address linked for as long as somebody is interested: one attempt at a time, exponential back-off with full jitter, never giving up. */
export class Dialler {
  readonly network: string;
  readonly address: string;
  readonly #host: DiallerHost;
  readonly #ended = new AbortController();
  readonly #interests = new Set<Interest>();
  #link: NodeLink | undefined;
  #peer: NodeId | undefined;
  #failures = 0;
  #hurry: (() => void) | undefined;
  /** Those that had a link. Without `retry` they want no other. */
  readonly #served = new WeakSet<Interest>();

  constructor(host: DiallerHost, network: string, address: string) {
    this.#host = host;
    this.network = network;
    this.address = address;
    // After the first interest is in.
    host.clock.defer(() => void this.#run());
  }

  /** The link that it keeps, while it is up. */
  get link(): NodeLink | undefined {
    return this.#link;
  }

  add(interest: Interest): void {
    this.#interests.add(interest);
    const serving = this.#link ?? (this.#peer === undefined ? undefined : this.#host.best(this.#peer));
    if (serving !== undefined) {
      this.#serve(interest, serving);
      return;
    }
    // Somebody new waits: the rest of a back-off is not his.
    this.#hurry?.();
  }

  /** Without anybody interested it ends, and its link drains. */
  async remove(interest: Interest): Promise<void> {
    this.#interests.delete(interest);
    if (this.#interests.size === 0) await this.end();
    // Nobody waits for the end of a back-off.
    else if (!this.#isWanted) this.#hurry?.();
  }

  /** No further dials; the link drains. */
  async end(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#ended.abort(membershipClosed);
    this.#host.ended(this);
    await link?.close();
  }

  /** Whether somebody wants another link when this one is lost, or the first one. */
  get #isWanted(): boolean {
    return [...this.#interests].some((interest) => interest.retry !== false || !this.#served.has(interest));
  }

  #serve(interest: Interest, link: NodeLink): void {
    this.#served.add(interest);
    interest.linked(link);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    try {
      while (!signal.aborted) {
        const failure = await this.#attempt(signal);
        signal.throwIfAborted();
        if (failure !== undefined && !(await this.#afterFailure(failure, signal))) return;
        if (!this.#isWanted) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      void this.end();
    }
  }

  /** One dial, and the life of the link that comes of it. Gives the error of an attempt that came to nothing. */
  async #attempt(signal: AbortSignal): Promise<{ error: unknown } | undefined> {
    const { slots, clock } = this.#host;
    await slots.take(signal);
    let link: NodeLink;
    let peer: NodeId;
    const abandon = (): void => void link.close();
    try {
      link = this.#host.dial(this.network, this.address);
      signal.addEventListener("abort", abandon, { once: true });
      peer = await link.ready;
    } catch (error) {
      return { error };
    } finally {
      slots.give();
      signal.removeEventListener("abort", abandon);
    }
    // Then the link is being closed.
    signal.throwIfAborted();
    this.#link = link;
    this.#peer = peer;
    const upAt = clock.now();
    for (const interest of [...this.#interests]) this.#serve(interest, link);
    await link.closed.catch(() => undefined);
    this.#link = undefined;
    if (clock.now() - upAt >= provenAfterMs) this.#failures = 0;
    // A link of the other direction, or a newer one, may serve instead: then there is nothing to do. One to another process under the same key does not:
    // that one may be all that its side of the network sees, while who answers at the address is on the other.
    await this.#host.gone(link.hello, signal);
    this.#peer = undefined;
    if (this.#isWanted) await this.#backOff(signal);
    return undefined;
  }

  /** Whether to go on. */
  async #afterFailure(failure: { error: unknown }, signal: AbortSignal): Promise<boolean> {
    const { error } = failure;
    const final = cannotHeal(error);
    for (const interest of [...this.#interests]) interest.failed(error, final);
    // Those who had a link once and retry stay: a node that is replaced by something else may come back. Those who are itself do not.
    if (!this.#isWanted || isSelf(error)) {
      this.#host.failed(this, error, undefined);
      return false;
    }
    await this.#backOff(signal, failure);
    return true;
  }

  async #backOff(signal: AbortSignal, failure?: { error: unknown }): Promise<void> {
    const { clock, random } = this.#host;
    const { minDelayMs = 500, maxDelayMs = 30_000 } = [...this.#interests].map(({ retry }) => retry).find((retry) => retry !== false) ?? {};
    const bound = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const delayMs = bound * drawUnit(random);
    if (failure !== undefined) this.#host.failed(this, failure.error, delayMs);
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#hurry = undefined;
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.setTimer(delayMs, done, { keepAlive: true });
      signal.addEventListener("abort", done, { once: true });
      this.#hurry = done;
    });
  }
}

const selfLinks = new WeakSet();

/** The error of a link that turned out to lead back to its own node. */
export function selfLinkError(): AstraError {
  const error = new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end of the link is this node itself");
  selfLinks.add(error);
  return error;
}

/** Whether `error` is a {@link selfLinkError}. */
export function isSelf(error: unknown): boolean {
  return selfLinks.has(error as object);
}

/** Failures that another try does not cure: they are about who answers, or how it is asked. */
function cannotHeal(error: unknown): boolean {
  if (!AstraError.is(error)) return false;
  if (error.code === "ERR_ASTRANET_HANDSHAKE") return !error.retryable;
  return ["ERR_ASTRANET_PROTOCOL", "ERR_ASTRANET_INSECURE", "ERR_ASTRANET_ID_CONFLICT", "ERR_ASTRANET_NO_TRANSPORT", "EACCES", "EINVAL"].includes(error.code);
}
