import { createHash } from "node:crypto";
import { systemClock, type Connection, type TransportListener } from "@astranet/transport";
import { WsTransport } from "@astranet/transport-ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, collect, echo, exchange } from "./support/collect.ts";
import { fixture } from "./support/fixture.ts";
import { nginx, startNginx, type Nginx } from "./support/nginx.ts";
import { ask, upgrade } from "./support/raw.ts";

it.runIf(process.env["CI"] !== undefined)("nginx is there for the tests that need it, wherever CI runs (apt-get install nginx)", () => {
  expect(nginx).toBeDefined();
});

describe.runIf(nginx !== undefined)("behind nginx", () => {
  const transport = new WsTransport({ tls: { client: { ca: fixture("ca.pem") } } });
  let listener: TransportListener;
  let proxy: Nginx;
  let onconnection: (connection: Connection) => void = echo;

  beforeAll(async () => {
    listener = await transport.listen("ws", "127.0.0.1:0/mesh", {
      onconnection: (connection) => {
        onconnection(connection);
      },
    });
    proxy = await startNginx(listener.address.replace("/mesh", ""));
  });

  afterAll(async () => {
    await proxy.stop();
    await listener.close();
  });

  /** Dials a location, and gives both ends. */
  async function dial(network: string, address: string): Promise<[Connection, Connection]> {
    const accepted = new Promise<Connection>((resolve) => {
      onconnection = resolve;
    });
    const dialled = await transport.dial(network, address);
    onconnection = echo;
    return [dialled, await accepted];
  }

  it("opens and ends in order, in clear and where nginx ends TLS", async () => {
    expect(await exchange(await transport.dial("ws", `${proxy.plain}/mesh`))).toBe("hello");
    expect(await exchange(await transport.dial("wss", `${proxy.tls}/mesh`))).toBe("hello");
  });

  it("carries 8 MB there and back unharmed", async () => {
    const data = new Uint8Array(8_000_000).map((_, i) => (i * 31 + (i >> 13)) & 255);
    const connection = await transport.dial("wss", `${proxy.tls}/mesh`);
    const hash = createHash("sha256");
    let received = 0;
    const collected = collect(connection, (chunk) => {
      hash.update(chunk);
      received += chunk.length;
      if (received === data.length) connection.close();
    });
    connection.send([data]);
    expect((await collected).reason).toBeUndefined();
    expect(hash.digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
  });

  it("stays for as long as something is sent within the idle time", async () => {
    const [dialled, accepted] = await dial("ws", `${proxy.plain}/mesh`);
    let received = 0;
    const ends = [collect(dialled), collect(accepted, () => (received += 1))];
    const began = systemClock.now();
    // nginx's idle time here is 2 s.
    const ping = (): void => {
      if (systemClock.now() - began > 3_000) dialled.close();
      else {
        dialled.send([bytes(".")]);
        systemClock.setTimer(200, ping);
      }
    };
    ping();
    for (const { reason } of await Promise.all(ends)) expect(reason).toBeUndefined();
    expect(received).toBeGreaterThan(2);
  });

  it("is told to both ends, as ECONNRESET, when nginx cuts what is idle without a closing handshake", async () => {
    const [dialled, accepted] = await dial("ws", `${proxy.plain}/impatient`);
    for (const { reason } of await Promise.all([collect(dialled), collect(accepted)])) expect(reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("is told to the far end when a client is gone", async () => {
    const [dialled, accepted] = await dial("ws", `${proxy.plain}/mesh`);
    const far = collect(accepted);
    dialled.abort();
    expect((await far).reason).toMatchObject({ code: "ECONNRESET" });
  });

  it("has clients that are not taken for neighbours", async () => {
    const [dialled, accepted] = await dial("ws", `${proxy.plain}/mesh`);
    expect(accepted.remoteAddress).toBe("forwarded");
    dialled.abort();
  });

  it("takes pages of the host that nginx passes on, and without that none", async () => {
    const statusOf = async (path: string, origin: string): Promise<number> => (await ask(`${proxy.plain}${path}`, { ...upgrade, Origin: origin })).status;
    expect(await statusOf("/mesh", `http://${proxy.plain}`)).toBe(101);
    expect(await statusOf("/mesh", "https://evil.test")).toBe(403);
    expect(await statusOf("/without-host", `http://${proxy.plain}`)).toBe(403);
  });

  it("fails with what nginx answers: 502 where nobody is behind it, 404 where there is no such path", async () => {
    await expect(transport.dial("ws", `${proxy.plain}/nobody`)).rejects.toMatchObject({ code: "ECONNREFUSED", message: expect.stringContaining("502") as string });
    await expect(transport.dial("ws", `${proxy.plain}/elsewhere`)).rejects.toMatchObject({ code: "ECONNREFUSED", message: expect.stringContaining("404") as string });
    // Plain HTTP is no upgrade, whatever nginx makes of it.
    expect((await ask(`${proxy.plain}/mesh`)).status).toBeGreaterThanOrEqual(400);
  });
});
