import { once } from "node:events";
import { request, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { WebSocket, type ClientOptions } from "ws";

/** What a server answers: its status, headers and body; 101 where it upgraded, and then the socket is destroyed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An HTTP request to 'host:port/path', as a program would make it that is no WebSocket. */
export async function ask(address: string, headers: OutgoingHttpHeaders = {}, method = "GET"): Promise<Answer> {
  const outgoing = request(`http://${address}`, { headers, method, agent: false });
  outgoing.end();
  const answered = await new Promise<[IncomingMessage, Socket?]>((resolve, reject) => {
    outgoing.once("response", (response) => {
      resolve([response]);
    });
    outgoing.once("upgrade", (response, socket) => {
      resolve([response, socket]);
    });
    outgoing.once("error", reject);
  });
  const [response, socket] = answered;
  socket?.destroy();
  let body = "";
  if (socket === undefined) for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** The head of a request that opens a WebSocket. */
export const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "astranet" };

/** A WebSocket that is open. */
export async function open(address: string, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${address}`, "astranet", { perMessageDeflate: false, ...options });
  await once(socket, "open");
  return socket;
}

/** Listens with plain TCP for as long as `use` takes. */
export async function withTcp<T>(onsocket: (socket: Socket) => void, use: (address: string) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onsocket(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** What a WebSocket is closed with. */
export async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, "close")) as [number];
  return code;
}
