export { toConnection, type NodePipe } from "@astranet/transport/node";
export type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
export { dialer, type DialCallback, type Dialer } from "./dialer.ts";
export { listener, SessionServer, type ConnectionListener } from "./session-server.ts";
export { StreamSocket } from "./stream-socket.ts";
export { toDuplex } from "./to-duplex.ts";
