import { once } from "node:events";
import { createServer, connect, TLSSocket, type TlsOptions, type ConnectionOptions } from "node:tls";
import { listening } from "./loopback.ts";
import { cert, key } from "./tls-identity.ts";

const common = { minVersion: "TLSv1.3", ciphers: "TLS_AES_256_GCM_SHA384" } as const;
const serverOptions: TlsOptions & { readonly allowHalfOpen: true; readonly noDelay: true } = { ...common, key, cert, allowHalfOpen: true, noDelay: true };
/** The types do not know it, the documentation does. */
const clientOptions: ConnectionOptions & { readonly allowHalfOpen: true } = { ...common, allowHalfOpen: true, ca: cert, servername: "localhost" };

/** TLS 1.3 with AES-256-GCM on a free loopback port. */
export async function listenTls(onsocket: (socket: TLSSocket) => void): Promise<number> {
  return listening(createServer(serverOptions, onsocket));
}

export async function dialTls(port: number): Promise<TLSSocket> {
  const socket = connect({ ...clientOptions, port, host: "127.0.0.1" });
  socket.setNoDelay();
  await once(socket, "secureConnect");
  check(socket);
  return socket;
}

/** A second TLS inside another one: the client's end. */
export async function dialInside(outer: TLSSocket): Promise<TLSSocket> {
  const socket = connect({ ...clientOptions, socket: outer });
  await once(socket, "secureConnect");
  check(socket);
  return socket;
}

/** … and the server's. */
export function acceptInside(outer: TLSSocket): TLSSocket {
  return new TLSSocket(outer, { ...serverOptions, isServer: true });
}

function check(socket: TLSSocket): void {
  const [protocol, cipher] = [socket.getProtocol(), socket.getCipher().name];
  if (protocol !== "TLSv1.3" || cipher !== "TLS_AES_256_GCM_SHA384") throw new Error(`TLS settled on ${String(protocol)} and ${cipher}`);
}
