export { toConnection, type NodePipe } from "@astranet/transport/node";
export type { ByteStream, DuplexOptions, EndAddress } from "./byte-stream.ts";
export { dialer, type DialCallback, type Dialer } from "./dialer.ts";
export { listener, SessionServer } from "./session-server.ts";
export { SocketServer, type ConnectionListener } from "./socket-server.ts";
export { StreamSocket, type Opened } from "./stream-socket.ts";
export { connecting, toDuplex } from "./to-duplex.ts";
