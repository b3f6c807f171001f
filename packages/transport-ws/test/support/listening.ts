import type { Connection, TransportListener } from "@astranet/transport";
import { WsTransport, type WsTransportOptions } from "@astranet/transport-ws";

/** A listener, and the first connection that it accepts. */
export interface Listening {
  readonly transport: WsTransport;
  readonly listener: TransportListener;
  readonly address: string;
  readonly accepted: Promise<Connection>;
}

/** Listens at a free port of 127.0.0.1, or as told, for as long as `use` takes. */
export async function listening<T>(options: WsTransportOptions, use: (listening: Listening) => Promise<T>, network = "ws", where = "127.0.0.1:0"): Promise<T> {
  const transport = new WsTransport(options);
  let accept: (connection: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await transport.listen(network, where, {
    onconnection: (connection) => {
      accept(connection);
    },
  });
  try {
    return await use({ transport, listener, address: listener.address, accepted });
  } finally {
    await listener.close();
  }
}
