import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { AstraError, type Connection, type TransportListener } from "@astranet/transport";
import { TcpTransport, type TcpTransportOptions } from "@astranet/transport-tcp";
import { describe, expect, it } from "vitest";
import { fixture } from "./fixture.ts";

const ca = fixture("ca.pem");
const server = { cert: fixture("server.pem"), key: fixture("server-key.pem") };
const client = { cert: fixture("client.pem"), key: fixture("client-key.pem") };

/** Listens with an echo, dials, sends, and gives back what came, or what the connection broke with. */
async function exchange(tls: NonNullable<TcpTransportOptions["tls"]>, host = "localhost"): Promise<string> {
  const transport = new TcpTransport({ tls });
  const listener = await transport.listen("tls", "127.0.0.1:0", { onconnection: echo });
  try {
    const connection = await transport.dial("tls", `${host}:${portOf(listener)}`);
    return await new Promise((resolve, reject) => {
      let got = "";
      connection.start({
        data: (chunk) => {
          got += new TextDecoder().decode(chunk);
          connection.close();
        },
        drain: () => undefined,
        closed: (reason) => {
          if (reason === undefined) resolve(got);
          else reject(reason instanceof Error ? reason : new Error("the connection broke for a reason that is no Error"));
        },
      });
      connection.send([new TextEncoder().encode("hello")]);
    });
  } finally {
    await listener.close();
  }
}

function echo(connection: Connection): void {
  connection.start({
    data: (chunk) => {
      connection.send([chunk]);
    },
    drain: () => undefined,
    closed: () => undefined,
  });
}

function portOf(listener: TransportListener): string {
  return listener.address.slice(listener.address.lastIndexOf(":") + 1);
}

describe("network 'tls'", () => {
  it("carries bytes between a server and a client that trusts it, by name and by address", async () => {
    expect(await exchange({ server, client: { ca } })).toBe("hello");
    expect(await exchange({ server, client: { ca } }, "127.0.0.1")).toBe("hello");
  });

  it("needs a certificate to listen with", async () => {
    await expect(new TcpTransport().listen("tls", "127.0.0.1:0", { onconnection: echo })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("answers EINVAL to a certificate that is none", async () => {
    const transport = new TcpTransport({ tls: { server: { cert: "nonsense", key: server.key } } });
    await expect(transport.listen("tls", "127.0.0.1:0", { onconnection: echo })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("refuses a server that it does not trust, with ERR_ASTRANET_HANDSHAKE", async () => {
    await expect(exchange({ server })).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
  });

  it("refuses a server whose certificate is for another name", async () => {
    await expect(exchange({ server, client: { ca, servername: "elsewhere.test" } })).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
  });

  it("sends the name that is dialled, or the one that is given, as SNI", async () => {
    const names: string[] = [];
    const listening = {
      ...server,
      SNICallback: (name: string, callback: (error: null) => void): void => {
        names.push(name);
        callback(null);
      },
    };
    await exchange({ server: listening, client: { ca } });
    await exchange({ server: listening, client: { ca, servername: "astranet.test" } });
    expect(names).toEqual(["localhost", "astranet.test"]);
  });

  it("passes ALPN on to both sides", async () => {
    const offered: string[][] = [];
    const listening = {
      ...server,
      ALPNCallback: ({ protocols }: { protocols: string[] }): string | undefined => {
        offered.push(protocols);
        return protocols.find((name) => name === "astra");
      },
    };
    expect(await exchange({ server: listening, client: { ca, ALPNProtocols: ["other", "astra"] } })).toBe("hello");
    await expect(exchange({ server: listening, client: { ca, ALPNProtocols: ["other"] } })).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    expect(offered).toEqual([["other", "astra"], ["other"]]);
  });

  it("checks the client's certificate where the server asks for one", async () => {
    const listening = { ...server, ca, requestCert: true, rejectUnauthorized: true };
    expect(await exchange({ server: listening, client: { ca, ...client } })).toBe("hello");
    // In TLS 1.3 the client hears of the refusal after its handshake.
    const refused: unknown = await exchange({ server: listening, client: { ca } }).catch((error: unknown) => error);
    expect(AstraError.is(refused)).toBe(true);
    expect(["ERR_ASTRANET_HANDSHAKE", "ECONNRESET", "EPIPE"]).toContain((refused as AstraError).code);
  });

  it("fails with ERR_ASTRANET_HANDSHAKE where something else than TLS answers", async () => {
    const plain = createServer((socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(plain, "listening");
    const address = `127.0.0.1:${String((plain.address() as AddressInfo).port)}`;
    await expect(new TcpTransport().dial("tls", address)).rejects.toMatchObject({ code: "ERR_ASTRANET_HANDSHAKE" });
    plain.close();
  });

  it("leaves no socket behind when a dial is aborted during the handshake", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const connected = once(silent, "connection") as Promise<[Socket]>;
    const controller = new AbortController();
    const reason = new Error("enough");
    const dial = new TcpTransport().dial("tls", `127.0.0.1:${String((silent.address() as AddressInfo).port)}`, { signal: controller.signal });
    const [socket] = await connected;
    controller.abort(reason);
    await expect(dial).rejects.toBe(reason);
    socket.on("error", () => undefined).resume();
    await once(socket, "close");
    silent.close();
  });
});
