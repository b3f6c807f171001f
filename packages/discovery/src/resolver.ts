import { AstraError, systemClock, systemRandom, type AstraErrorCode, type Clock, type RandomSource } from "@astranet/transport";
import { Balancer, type ProviderFacts } from "./balancer.ts";
import { checkSelect, type CustomSelect, type SelectPolicy } from "./select.ts";
import type { ServiceDirectory } from "./service-directory.ts";
import type { ServiceInfo } from "./service-info.ts";

/** What a Resolver is made with. */
export interface ResolverOptions {
  readonly directory: ServiceDirectory;
  /** Default: the real one. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** What `resolve` looks for. */
export interface ResolveQuery {
  readonly name: string;
  /** Default "". */
  readonly env?: string;
  /** Only providers on this port. */
  readonly port?: number;
  /** Default 'nearest'. */
  readonly select?: SelectPolicy | CustomSelect;
  /**
   * The same provider for the same key, on every node, as long as the providers stay the same; goes before `select`, except for 'sticky': there the key stays
   * with the provider that it had here before, also when others come.
   */
  readonly affinity?: string;
  /** For everything together: waiting, choosing, connecting. Default 10,000. */
  readonly timeoutMs?: number;
  /** Other providers that are tried when one refuses. Default 2. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

/** One provider that was tried in vain. */
export interface Attempt {
  readonly id: string;
  readonly port: number;
  readonly error: unknown;
}

/** A choice among the providers of a name. */
export interface Choice {
  readonly policy: SelectPolicy | "affinity" | "custom";
  readonly chosen: ServiceInfo;
  /** All of them, nearest first, with what the choice rests on. */
  readonly candidates: readonly ProviderFacts[];
}

/** Why a name could not be dialled, with every attempt, first one first. */
export class ResolveError extends AstraError {
  readonly attempts: readonly Attempt[];

  constructor(code: AstraErrorCode, message: string, attempts: readonly Attempt[], retryable = false) {
    const told = attempts.map(({ id, port, error }) => `${id}:${port}: ${error instanceof Error ? error.message : String(error)}`);
    super(code, told.length === 0 ? message : `${message}; tried ${told.join("; ")}`, {
      retryable,
      cause: attempts[attempts.length - 1]?.error,
    });
    this.attempts = attempts;
  }
}

/**
 * Opens something to one provider, and has no effect there where it fails with ETIMEDOUT. It is given the time that is left, or half of it while another provider could be asked, so that one which does not
 * accept does not use up the time of all; and it must reject when `signal` aborts.
 */
export type ConnectToProvider<T> = (provider: ServiceInfo, options: { signal: AbortSignal; timeoutMs: number }) => Promise<T>;

/** Finds a provider of a name and connects to it. */
export class Resolver {
  readonly #directory: ServiceDirectory;
  readonly #clock: Clock;
  readonly #balancer: Balancer;

  constructor(options: ResolverOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock ?? systemClock;
    this.#balancer = new Balancer(this.#clock, options.random ?? systemRandom);
  }

  /**
   * Waits for a first provider, chooses one, connects to it, and tries another one when it refused before anything had an effect, or has not accepted in half of the time that was left.
   * Rejects with EINVAL for a `select` that is none, with ENOTFOUND when there was no provider before the deadline, with ETIMEDOUT when connecting took too long, with the last
   * attempt's code when all refused, and with `signal.reason` after an abort. What `connect` makes later is the caller's no more: it is told by `signal`.
   */
  async resolve<T extends { readonly closed: Promise<unknown> }>(query: ResolveQuery, connect: ConnectToProvider<T>): Promise<T> {
    const { name, env = "", timeoutMs = 10_000, retries = 2, signal } = query;
    if (query.select !== undefined) checkSelect(query.select, query.affinity);
    signal?.throwIfAborted();
    const deadlineMs = this.#clock.now() + timeoutMs;
    const ended = new AbortController();
    const aborted = (): void => ended.abort(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    let tooLate: AstraError | undefined;
    const timer = this.#clock.setTimer(
      timeoutMs,
      () => {
        tooLate = new AstraError("ETIMEDOUT", `${where(query)} was not reached within ${timeoutMs} ms`);
        ended.abort(tooLate);
      },
      { keepAlive: true },
    );
    const attempts: Attempt[] = [];
    /** Whether no attempt had an effect. */
    let retryable = true;
    try {
      for (;;) {
        const provider = this.#chooseAnother(query, attempts);
        if (provider === undefined) {
          if (attempts.length > 0) throw gaveUp(query, attempts, retryable);
          await this.#directory.waitFor(name, env, { signal: ended.signal, ...(query.port === undefined ? {} : { port: query.port }) });
          continue;
        }
        const isLast = attempts.length >= retries || this.#untried(query, attempts).length === 1;
        const leftMs = Math.max(deadlineMs - this.#clock.now(), 0);
        try {
          const made = await connect(provider, { signal: ended.signal, timeoutMs: isLast ? leftMs : leftMs / 2 });
          const release = this.#balancer.opened(provider);
          made.closed.then(release, release);
          return made;
        } catch (error) {
          if (signal?.aborted === true) throw signal.reason;
          this.#balancer.failed(provider);
          attempts.push({ id: provider.id, port: provider.port, error });
          const isShareOver = !isLast && AstraError.is(error, "ETIMEDOUT");
          retryable &&= isShareOver || (AstraError.is(error) && error.retryable);
          if (ended.signal.aborted || !(isShareOver || mayTryAnother(error)) || attempts.length > retries) throw gaveUp(query, attempts, retryable);
        }
      }
    } catch (error) {
      if (error !== tooLate) throw error;
      throw new ResolveError("ENOTFOUND", `no provider of ${where(query)} within ${timeoutMs} ms`, attempts);
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", aborted);
    }

    function where(asked: ResolveQuery): string {
      const port = asked.port === undefined ? "" : `:${asked.port}`;
      return env === "" ? `service "${name}${port}"` : `service "${name}${port}" in env "${env}"`;
    }

    function gaveUp(asked: ResolveQuery, tried: readonly Attempt[], mayTryAgain: boolean): ResolveError {
      const last = tried[tried.length - 1]!.error;
      return new ResolveError(AstraError.is(last) ? last.code : "EHOSTUNREACH", `no provider of ${where(asked)} could be reached`, tried, mayTryAgain);
    }
  }

  /**
   * What `resolve` would choose now, and out of what, without connecting to it. Undefined where there is no provider. Throws EINVAL for a `select` that
   * is none. Where chance has a say, the next dial may take another one.
   */
  explain(query: Pick<ResolveQuery, "name" | "env" | "port" | "select" | "affinity">): Choice | undefined {
    const { name, env = "", port, select = "nearest", affinity } = query;
    checkSelect(select, affinity);
    const providers = this.#directory.providers(name, env, port);
    if (providers.length === 0) return undefined;
    const policy = affinity !== undefined && select !== "sticky" ? "affinity" : typeof select === "function" ? "custom" : select;
    return { policy, chosen: this.#balancer.choose(providers, select, affinity, true), candidates: this.#balancer.facts(providers) };
  }

  /** A provider that was not tried yet; undefined when there is none. */
  #chooseAnother(query: ResolveQuery, attempts: readonly Attempt[]): ServiceInfo | undefined {
    const { select = "nearest", affinity } = query;
    const left = this.#untried(query, attempts);
    return left.length > 0 ? this.#balancer.choose(left, select, affinity) : undefined;
  }

  #untried({ name, env = "", port }: ResolveQuery, attempts: readonly Attempt[]): readonly ServiceInfo[] {
    return this.#directory.providers(name, env, port).filter((service) => !attempts.some((attempt) => attempt.id === service.id && attempt.port === service.port));
  }
}

/** Only where the failed attempt certainly had no effect. */
function mayTryAnother(error: unknown): boolean {
  return AstraError.is(error) && (error.retryable || error.code === "EHOSTUNREACH");
}

