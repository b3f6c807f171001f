export { gateway, sockets, type GatewayAddress, type SocketMessage } from "./gateway.ts";
export { handedSockets, handSocket, type IpcProcess } from "./handed-sockets.ts";
export { fromNode, toNode, type MessageBytes } from "./node-streams.ts";
