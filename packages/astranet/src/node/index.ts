export { TcpTransport, type TcpTransportOptions } from "@astranet/transport-tcp";
export { StreamSocket, toConnection, type ConnectionListener } from "@astranet/mux/node";
export { connect, type ConnectOptions } from "./connect.ts";
export { httpAgent, type HttpAgentOptions } from "./http-agent.ts";
export { createServer, NetServer } from "./net-server.ts";
export { serveHttp } from "./serve-http.ts";
export { toDuplex } from "./to-duplex.ts";
export { undiciConnect, type UndiciTarget } from "./undici-connect.ts";
