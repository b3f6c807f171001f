export { conformance, type ConformanceOptions, type ConformanceRunner, type PairFactory, type TransportFactory } from "./conformance.ts";
export type { ConnectionPair } from "./connection-cases.ts";
export { debugConnection, type DebugOptions } from "./debug-connection.ts";
export { DebugTransport } from "./debug-transport.ts";
