import { defaultTransports } from "#transports";
import { type LiveRegistry, RecordStore, type Registry, Resolver, ServiceDirectory } from "@astranet/discovery";
import { drawNodeId, makeIncarnation, nodeIdOfKey, type RouteInfo, Router } from "@astranet/router";
import { AstraError, systemClock, systemRandom, type Transport } from "@astranet/transport";
import type { SupersededEvent } from "./events.ts";
import type { AstraNetOptions } from "./options.ts";
import { routeRegistry } from "./route-registry.ts";
import { securityOf } from "./security.ts";

/** The parts of a node, wired: what an AstraNet and its views share. */
export class Core {
  readonly options: AstraNetOptions;
  readonly transports: readonly Transport[];
  readonly router: Router;
  readonly directory: ServiceDirectory;
  readonly resolver: Resolver;
  readonly events: EventTarget = new EventTarget();
  /** What somebody waits for. (One signal for all of it would have as many listeners, and Node warns of more than ten.) */
  readonly #pending = new Set<AbortController>();
  #closed = false;
  #routes: LiveRegistry<RouteInfo> | undefined;

  /** `options` are such as `checkOptions` lets through. */
  constructor(options: AstraNetOptions) {
    this.options = options;
    const { role = "auto", insecure = false, clock = systemClock, random = systemRandom, authorize, linkFactor, advertise, follow, idleTimeoutMs, limits, circuitLimits } = options;
    this.transports = options.transports ?? defaultTransports();
    const security = securityOf(options, random);
    const self = (security && nodeIdOfKey(security.identity.publicKey)) ?? drawNodeId(random);
    // The only use of the wall clock: a node that comes back under its id must count for newer than it was.
    const store = new RecordStore({ self, incarnation: makeIncarnation(Date.now(), random), clock, onsuperseded: (error) => this.#superseded(error) });
    this.router = new Router({
      store,
      role,
      insecure,
      clock,
      random,
      transports: this.transports,
      ...(security === undefined ? {} : { security }),
      ...(authorize === undefined ? {} : { authorize }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(advertise === undefined ? {} : { advertise }),
      ...(linkFactor === undefined ? {} : { linkFactor }),
      ...(follow === undefined ? {} : { follow }),
      ...(limits === undefined ? {} : { limits }),
      ...(circuitLimits === undefined ? {} : { circuitLimits }),
    });
    this.directory = new ServiceDirectory({ store, reachability: this.router.reachability, clock });
    this.resolver = new Resolver({ directory: this.directory, clock, random });
    this.router.subscribe((event) => this.events.dispatchEvent(new CustomEvent(event.type, { detail: event })));
  }

  /** Whether the node has begun to close. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** A later life of this node goes on elsewhere, so this one ends. */
  #superseded(error: AstraError): void {
    this.events.dispatchEvent(new CustomEvent("superseded", { detail: { type: "superseded", error } satisfies SupersededEvent }));
    void this.close();
  }

  /** Does what takes a while, with a signal that aborts as the caller's does, and when the node closes. */
  async pending<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const aborted = (): void => controller.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", aborted, { once: true });
    this.#pending.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#pending.delete(controller);
      signal?.removeEventListener("abort", aborted);
    }
  }

  get routes(): Registry<RouteInfo> {
    if (this.#routes === undefined) {
      this.#routes = routeRegistry(this.router);
      if (this.#closed) this.#routes.close(closedError());
    }
    return this.#routes;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#pending) controller.abort(closedError());
    await this.router.close();
    this.directory.close(closedError());
    this.#routes?.close(closedError());
  }
}

/** What waits on a node that closes fails with this. */
export function closedError(): AstraError {
  return new AstraError("ERR_ASTRANET_INVALID_STATE", "the node is closed");
}
