export type { Clock, Timer } from "./clock.ts";
export type { Connection, ConnectionSink } from "./connection.ts";
export { AstraError, type AstraErrorCode, type AstraErrorOptions } from "./errors.ts";
export type { RandomSource } from "./random.ts";
export { systemClock } from "./system-clock.ts";
export { systemRandom } from "./system-random.ts";
export type { ListenInit, Transport, TransportListener } from "./transport.ts";
