import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, Socket, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection, TransportListener } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";
import { afterAll, describe, expect, it } from "vitest";
import { firstSocket } from "../src/first-socket.ts";

const transport = new TcpTransport();
const folder = mkdtempSync(join(tmpdir(), "astranet-"));
const ignore = { onconnection: (): void => undefined };

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function listenAnd<T>(network: string, address: string, use: (listener: TransportListener, accepted: Promise<Connection>) => Promise<T>): Promise<T> {
  let accept: (connection: Connection) => void = () => undefined;
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await transport.listen(network, address, {
    onconnection: (connection) => {
      accept(connection);
    },
  });
  try {
    return await use(listener, accepted);
  } finally {
    await listener.close();
  }
}

/** Starts a connection, and resolves with the reason when it is closed. */
function closed(connection: Connection): Promise<unknown> {
  return new Promise((resolve) => {
    connection.start({ data: () => undefined, drain: () => undefined, closed: resolve });
  });
}

describe("addresses of TcpTransport", () => {
  it("come back as host:port with the real port", async () => {
    await listenAnd("tcp", "127.0.0.1:0", async (listener, accepted) => {
      expect(listener.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
      const a = await transport.dial("tcp", listener.address);
      const b = await accepted;
      expect(a.remoteAddress).toBe(listener.address);
      expect(b.localAddress).toBe(listener.address);
      expect(b.remoteAddress).toBe(a.localAddress);
      const ends = Promise.all([closed(a), closed(b)]);
      a.close();
      await ends;
    });
  });

  it("with no host listen on all and dial loopback", async () => {
    await listenAnd("tcp", ":0", async (listener) => {
      const port = listener.address.slice(listener.address.lastIndexOf(":"));
      for (const network of ["tcp", "tcp4"]) (await transport.dial(network, port)).abort();
      (await transport.dial("tcp", `localhost${port}`)).abort();
    });
  });

  it.each(["tcp", "tcp4", "tcp6", "tls"])("that are bad are EINVAL with the reason: %s", async (network) => {
    await expect(transport.dial(network, "nowhere")).rejects.toMatchObject({ code: "EINVAL", message: "EINVAL: bad address 'nowhere': the port is missing" });
    await expect(transport.listen(network, "nowhere", ignore)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(transport.dial(network, "127.0.0.1:0")).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("of the other family are EINVAL", async () => {
    for (const [network, address] of [
      ["tcp4", "[::1]:80"],
      ["tcp6", "127.0.0.1:80"],
    ] as const) {
      await expect(transport.dial(network, address)).rejects.toMatchObject({ code: "EINVAL" });
      await expect(transport.listen(network, address, ignore)).rejects.toMatchObject({ code: "EINVAL" });
    }
  });

  it("that this machine does not have are EINVAL to listen at", async () => {
    await expect(transport.listen("tcp", "192.0.2.1:0", ignore)).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("with a name that does not exist are ENOTFOUND", async () => {
    // `invalid` is reserved for names that never resolve (RFC 6761).
    await expect(transport.dial("tcp", "no-such-host.invalid:80")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(transport.listen("tcp", "no-such-host.invalid:80", ignore)).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("dial of TcpTransport", () => {
  it("tries the next address when one fails", async () => {
    await listenAnd("tcp", "127.0.0.1:0", async (listener) => {
      const port = Number(listener.address.split(":")[1]);
      const dead = createServer().listen(0, "127.0.0.1");
      await once(dead, "listening");
      const deadPort = (dead.address() as AddressInfo).port;
      dead.close();
      await once(dead, "close");
      const socket = await firstSocket([() => connect(deadPort, "127.0.0.1"), () => connect(port, "127.0.0.1")], "connect", undefined);
      expect(socket.remotePort).toBe(port);
      socket.destroy();
      await expect(firstSocket([() => connect(deadPort, "127.0.0.1"), () => connect(deadPort, "127.0.0.1")], "connect", undefined)).rejects.toMatchObject({
        code: "ECONNREFUSED",
        port: deadPort,
      });
    });
  });

  it("tries the next address when one stays silent, and destroys what it no longer needs", async () => {
    await listenAnd("tcp", "127.0.0.1:0", async (listener) => {
      const silent = new Socket();
      const port = Number(listener.address.split(":")[1]);
      const socket = await firstSocket([() => silent, () => connect(port, "127.0.0.1")], "connect", undefined);
      expect(socket.remotePort).toBe(port);
      expect(silent.destroyed).toBe(true);
      socket.destroy();
    });
  });

  it("destroys all attempts after an abort", async () => {
    const controller = new AbortController();
    const silent = new Socket();
    const reason = new Error("enough");
    const first = firstSocket([() => silent, () => new Socket()], "connect", controller.signal);
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(silent.destroyed).toBe(true);
  });

  it("rejects with the reason of an abort while the name is resolved", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const dial = transport.dial("tcp", "no-such-host.invalid:80", { signal: controller.signal });
    controller.abort(reason);
    await expect(dial).rejects.toBe(reason);
  });
});

describe("a connection of TcpTransport", () => {
  it("hears ECONNRESET when the peer resets", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const connection = await transport.dial("tcp", `127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    const reason = closed(connection);
    (await accepted)[0].resetAndDestroy();
    expect(await reason).toMatchObject({ code: "ECONNRESET" });
    server.close();
  });

  it("grows its reads with what comes, and delivers small ones in small buffers", async () => {
    await listenAnd("tcp", "127.0.0.1:0", async (listener, accepted) => {
      const a = await transport.dial("tcp", listener.address);
      const b = await accepted;
      const sizes: number[] = [];
      let bytes = 0;
      const done = new Promise<void>((resolve) => {
        a.start({
          data: (chunk) => {
            sizes.push(chunk.buffer.byteLength);
            bytes += chunk.length;
            if (bytes === 1) b.send([new Uint8Array(4_000_000)]);
            if (bytes === 4_000_001) a.close();
          },
          drain: () => undefined,
          closed: () => {
            resolve();
          },
        });
      });
      const other = closed(b);
      b.send([new Uint8Array(1)]);
      await Promise.all([done, other]);
      expect(sizes[0]).toBe(8_192);
      expect(Math.max(...sizes)).toBe(262_144);
    });
  });
});

describe.runIf(process.platform !== "win32")("network 'unix'", () => {
  it("answers ECONNREFUSED where there is no socket, or none that anybody listens at", async () => {
    await expect(transport.dial("unix", join(folder, "nobody.sock"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
    writeFileSync(join(folder, "file"), "");
    await expect(transport.dial("unix", join(folder, "file"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("answers EINVAL for a folder that does not exist, and a path that is too long", async () => {
    await expect(transport.listen("unix", join(folder, "no", "folder.sock"), ignore)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(transport.listen("unix", join(folder, "x".repeat(100)), ignore)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(transport.dial("unix", "")).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("has the path as its address", async () => {
    const path = join(folder, "here.sock");
    await listenAnd("unix", path, async (listener, accepted) => {
      expect(listener.address).toBe(path);
      const a = await transport.dial("unix", path);
      expect([a.remoteAddress, (await accepted).localAddress]).toEqual([path, path]);
      a.abort();
    });
  });
});
