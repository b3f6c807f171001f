export { checkBusyPollMs } from "./busy-poll.ts";
export type { NodeConnectionOptions, NodeStreamPair } from "./duplex-connection.ts";
export { mapError } from "./map-error.ts";
export { toConnection, type NodePipe } from "./to-connection.ts";
