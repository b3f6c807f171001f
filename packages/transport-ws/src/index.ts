export type { WsHttpServer, WsTlsClientOptions, WsTlsServerOptions, WsTransportOptions, WsUpgradeRequest } from "./options.ts";
export { WsTransport } from "./ws-transport.ts";
