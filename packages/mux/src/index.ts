export type { SessionOptions } from "./session/options.ts";
export type { SessionEnd } from "./session/ending.ts";
export { Session } from "./session/session.ts";
export { SessionListener, type SessionListenerOptions } from "./session/session-listener.ts";
export type { SessionStats } from "./session/stats.ts";
export type { OpenOptions } from "./session/options.ts";
export { Stream } from "./stream/stream.ts";
export type { StreamSink } from "./stream/stream-sink.ts";
export { UnreadBudget } from "./flow/unread-budget.ts";
