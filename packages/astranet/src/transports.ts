import { MemoryTransport, type Transport } from "@astranet/transport";
import { WsTransport } from "@astranet/transport-ws";

/** How a node reaches others where nobody says: everywhere but in Node, memory and WebSockets to dial. `#transports` of package.json's `imports` chooses. */
export function defaultTransports(): Transport[] {
  return [new MemoryTransport(), new WsTransport()];
}
