import { MemoryTransport, type Transport } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";
import { WsTransport } from "@astranet/transport-ws";

/** How a node reaches others in Node, where nobody says: memory, TCP with its relatives, and WebSockets. */
export function defaultTransports(): Transport[] {
  return [new MemoryTransport(), new TcpTransport(), new WsTransport()];
}
