import type { Transport } from "../transport.ts";
import { connectionCases, type ConnectionPair } from "./connection-cases.ts";
import { Probe } from "./probe.ts";
import { pairOver, transportCases } from "./transport-cases.ts";

/** What {@link conformance} takes: the test runner, and what is tested. */
export type ConformanceOptions = ConformanceRunner & (PairFactory | TransportFactory);

/** How the suite registers its tests. */
export interface ConformanceRunner {
  /**
   * The runner's function for one test: `test` or `it` of vitest, `node:test`, mocha, jest …
   * `run` returns a promise that rejects with an Error where the rule in the title is broken. A case that hangs is left to the runner's time limit.
   */
  readonly test: (title: string, run: () => Promise<void>) => unknown;
  /** Goes before each title. */
  readonly name?: string;
  /** What the bulk case transfers. Default 100 MiB. */
  readonly bulkBytes?: number;
}

/** Tests connections: two ends back to back, which live in this process, fresh for each case. */
export interface PairFactory {
  pair(): ConnectionPair | Promise<ConnectionPair>;
}

/** Tests a transport that dials and listens, and the connections it makes. */
export interface TransportFactory {
  /** Made anew for each case, or always the same. */
  transport(): Transport | Promise<Transport>;
  readonly network: string;
  /** Gives an address to listen at that nobody uses: 'localhost:0', a fresh path or name. */
  address(): string;
}

/**
 * Registers the conformance suite with a test runner: order, backpressure, start, end, abort, ownership, bulk; for a
 * transport `dial` and `listen` too. What passes it carries sessions.
 *
 * @example
 * conformance({ test: it, transport: () => new MyTransport(), network: "mine", address: () => "somewhere" });
 */
export function conformance(options: ConformanceOptions): void {
  const prefix = options.name === undefined ? "" : `${options.name}: `;
  const { bulkBytes = 100 * 1_024 * 1_024 } = options;
  const subjectOf = async (factory: TransportFactory): Promise<Parameters<typeof pairOver>[0]> => ({
    transport: await factory.transport(),
    network: factory.network,
    address: factory.address(),
  });
  for (const { title, run } of connectionCases) {
    options.test(`${prefix}${title}`, async () => {
      const [a, b] = "pair" in options ? await options.pair() : await pairOver(await subjectOf(options));
      const probes = [new Probe(a), new Probe(b)] as const;
      try {
        await run(...probes, { bulkBytes });
        for (const probe of probes) probe.verify();
      } finally {
        // What a failed case leaves open would keep the process, and the next case may need its address.
        for (const probe of probes) probe.abort();
      }
    });
  }
  if ("pair" in options) return;
  for (const { title, run } of transportCases) {
    options.test(`${prefix}${title}`, async () => {
      await run(await subjectOf(options));
    });
  }
}
