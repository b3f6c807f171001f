export type { SessionOptions } from "./options.ts";
export type { SessionEnd } from "./ending.ts";
export { Session } from "./session.ts";
export { SessionListener, type SessionListenerOptions } from "./session-listener.ts";
export type { SessionStats } from "./stats.ts";
export type { OpenOptions } from "./options.ts";
export { Stream } from "./stream.ts";
export type { StreamSink } from "./stream-sink.ts";
export { UnreadBudget } from "./unread-budget.ts";
