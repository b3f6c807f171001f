export { conformance, type ConformanceOptions, type ConformanceRunner, type PairFactory, type TransportFactory } from "./conformance.ts";
export type { ConnectionPair } from "./connection-cases.ts";
