export type { RouterEvent } from "./events.ts";
export { makeIncarnation } from "./incarnation.ts";
export type { Link, LinkState } from "./link/link-types.ts";
export type { JoinOptions, Membership, RetryOptions } from "./membership.ts";
export { drawNodeId, isIdLike, isNodeId, parseNodeId, type NodeId } from "./node-id.ts";
export { Conn } from "./ports/conn.ts";
export type { BindInit, ConnAddress, ConnectOptions, Listener } from "./ports/port-types.ts";
export type { NodeRole, RouterLimits, RouterOptions } from "./router-options.ts";
export { Router, type RouteInfo } from "./router.ts";
