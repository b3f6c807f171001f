export { TcpTransport, type TcpTransportOptions } from "./tcp-transport.ts";
