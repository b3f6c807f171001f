export { AstraNet, type BindOptions, type DialOptions } from "./astra-net.ts";
export type { AstraNetEventMap, AstraNetEventType, AstraNetListener, AstraNetListenerOptions } from "./events.ts";
export type { AstraNetOptions } from "./options.ts";
export type { CustomSelect, Registry, RegistryEvent, SelectPolicy, ServiceInfo } from "@astranet/discovery";
export type { Conn, ConnAddress, JoinOptions, Link, LinkState, Listener, Membership, NodeId, NodeRole, RetryOptions, RouteInfo, RouterEvent, RouterLimits } from "@astranet/router";
export { AstraError, memoryPair, MemoryTransport } from "@astranet/transport";
export type { AstraErrorCode, Connection, Pipe, Transport, TransportListener } from "@astranet/transport";
export { TcpTransport } from "@astranet/transport-tcp";
