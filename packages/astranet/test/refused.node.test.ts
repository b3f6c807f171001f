import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { muxado, Session } from "@astranet/mux";
import { toConnection } from "@astranet/mux/node";
import { AstraNet, type AstraNetEventMap, generateIdentity, MemoryTransport, type Transport } from "astranet";
import { TcpTransport } from "astranet/node";
import { describe, expect, it, onTestFinished } from "vitest";
import { next, node, pair } from "./support/nodes.ts";

async function listening(): Promise<{ net: AstraNet; port: number; met: Promise<string> }> {
  const net = node();
  const { address } = await net.listenAndServe("tcp4", "127.0.0.1:0");
  const met = next(net, "linkerror").then((event) => String((event as AstraNetEventMap["linkerror"]).detail.error));
  return { net, port: Number(address.split(":")[1]), met };
}

/** A TCP server of something else. */
async function stranger(onconnection: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    onconnection(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

describe("a port of astranet tells what it met instead of a node", () => {
  it("HTTP", async () => {
    const { port, met } = await listening();
    const asking = get({ host: "127.0.0.1", port });
    const ended = once(asking, "response").then(
      ([response]) => String((response as IncomingMessage).statusCode),
      (error: unknown) => String((error as { code?: string }).code),
    );
    expect(await met).toMatch(/ERR_ASTRANET_\w+: .*HTTP/);
    expect(await ended).not.toBe("200");
  });

  it("TLS", async () => {
    const { port, met } = await listening();
    const socket = connectTls({ host: "127.0.0.1", port });
    const failed = once(socket, "error");
    expect(await met).toMatch(/ERR_ASTRANET_\w+: .*TLS/);
    expect((await failed)[0]).toBeInstanceOf(Error);
  });

  it("muxado", async () => {
    const { port, met } = await listening();
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const session = new Session(toConnection(socket), { role: "client", wire: muxado() });
    session.open().write(new TextEncoder().encode("hello")).catch(() => undefined);
    expect(await met).toMatch(/ERR_ASTRANET_\w+: .*muxado/);
    await session.closed.catch(() => undefined);
  });

  it("anything else", async () => {
    const { port, met } = await listening();
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".repeat(4));
    expect(await met).toMatch(/ERR_ASTRANET_/);
    socket.destroy();
  });

  it("and joining such a stranger rejects, saying what it is", async () => {
    const http = await stranger((socket) => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    const tls = await stranger((socket) => socket.end(Buffer.from("15030100020228", "hex")));
    await expect(node().join("tcp", http)).rejects.toMatchObject({ message: expect.stringMatching(/ERR_ASTRANET_\w+: .*HTTP/) as string });
    await expect(node().join("tcp", tls)).rejects.toMatchObject({ message: expect.stringMatching(/ERR_ASTRANET_\w+: .*TLS/) as string });
  });
});

describe("what is not there is refused in words", () => {
  it("an unknown name", async () => {
    const [, b] = await pair();
    await expect(b.dialTimeout("", "no.such.service", 20)).rejects.toMatchObject({
      code: "ENOTFOUND",
      message: expect.stringContaining('"no.such.service"') as string,
    });
  });

  it("an unbound port, of a neighbour and of its own", async () => {
    const [a, b] = await pair();
    for (const net of [a, b]) await expect(b.dial("", `${net.id}:4711`)).rejects.toMatchObject({ code: "ECONNREFUSED", message: expect.stringContaining("4711") as string });
  });

  it("a node that cannot be reached", async () => {
    const [, b] = await pair();
    await expect(b.dial("", "00000000000000ab:80")).rejects.toMatchObject({ code: "EHOSTUNREACH", message: expect.stringContaining("00000000000000ab") as string });
  });

  it("a port that is bound already, whatever the name before it", async () => {
    const net = node();
    net.bind("", ":80");
    for (const address of [":80", "web:80"]) expect(() => net.bind("", address)).toThrow(expect.objectContaining({ code: "EADDRINUSE", message: expect.stringContaining("80") as string }));
    net.bind("", "web");
    net.bind("", "web");
    expect(net.services().length).toBe(2);
  });

  it("an address to join where nobody listens", async () => {
    const gone = await stranger(() => undefined);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    server.close();
    expect(gone).not.toBe(address);
    await expect(node().join("tcp4", address, { retry: false })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("an address to listen at that is taken", async () => {
    const { port, net } = await listening();
    await expect(net.listenAndServe("tcp4", `127.0.0.1:${String(port)}`)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("a bad address is EINVAL, with the reason", () => {
  const bindings: [string, RegExp][] = [
    ["", /neither a name nor a port/],
    [":", /empty/],
    ["web:", /empty/],
    [":-1", /not a decimal/],
    [":x", /not a decimal/],
    [":1.5", /not a decimal/],
    [":080", /starts with 0/],
    [":4294967296", /larger than/],
    [":99999999999", /larger than/],
    ["web:80:80", /more than one/],
    ["Web", /upper-case/],
    ["web server", /white space/],
    [" web", /white space/],
    ["web\n", /white space/],
    ["wéb", /holds "é"/],
    ["web/", /path/],
    ["web?x", /path/],
    ["web#x", /path/],
    ["user@web", /"@"/],
    ["http://web", /URL/],
    ["[::1]:80", /IPv6/],
    ["-web", /starts with "-"/],
    [".web", /starts with "\."/],
    ["web.", /ends with "\."/],
    ["web.80", /all-digit/],
    ["127.0.0.1", /all-digit/],
    ["127.0.0.1:80", /all-digit/],
    ["web.0x7f", /hexadecimal/],
    ["a".repeat(254), /254 characters/],
    ["0123456789abcdef", /as a node id is/],
    ["0123456789abcdef:80", /as a node id is/],
    ["FFFFFFFFFFFFFFFF", /as a node id is/],
    ["1234567890123456", /as a node id is/],
  ];
  const dials: [string, RegExp][] = [
    ["", /neither a service nor a node/],
    [":80", /neither a service nor a node/],
    ["web:0", /port 0/],
    ["0123456789abcdef", /needs a port/],
    ["0123456789abcdef:0", /port 0/],
    ["1234567890123456:80", /at least one letter/],
    ["web:99999999999", /larger than/],
    ["web:8o", /not a decimal/],
    ["we b", /white space/],
    ["web,web", /holds ","/],
    ["ws://web", /URL/],
    ["::1", /more than one/],
  ];
  const endpoints: [string, string | undefined, RegExp][] = [
    ["tcp4", "", /empty/],
    ["tcp4", "127.0.0.1", /port is missing/],
    ["tcp4", "127.0.0.1:", /port is missing/],
    ["tcp4", "127.0.0.1:x", /not a number/],
    ["tcp4", "127.0.0.1:65536", /not within/],
    ["tcp", "::1:80", /brackets/],
    ["tcp", "[::1:80", /missing/],
    ["tcp", "127.0.0.1 :80", /white space/],
    ["tcp", "256.0.0.1:80", /neither a host name nor an IP/],
    ["tcp", "tcp://127.0.0.1:80", /'\/'/],
    ["unix", "", /empty/],
    ["127.0.0.1:80", undefined, /not a URL/],
    ["tcp4://", undefined, /not a URL/],
  ];

  it("there are more than 50 of them here", () => {
    expect(bindings.length + dials.length + endpoints.length).toBeGreaterThan(50);
  });

  it.each(bindings)("bind %j", (address, reason) => {
    expect(() => node().bind("", address)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringMatching(reason) as string }));
  });

  it.each(dials)("dial %j", async (address, reason) => {
    await expect(node().dial("", address)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringMatching(reason) as string });
  });

  it.each(endpoints)("join %j %j", async (network, address, reason) => {
    const joining = address === undefined ? node({ insecure: true }).join(network) : node({ insecure: true }).join(network, address);
    await expect(joining).rejects.toMatchObject({ code: "EINVAL", message: expect.stringMatching(reason) as string });
  });

  it("so is a network that means nothing, and what is no text at all", async () => {
    const net = node();
    for (const network of ["tcp", "registry://", "any"]) await expect(net.dial(network, "web")).rejects.toMatchObject({ code: "EINVAL" });
    expect(() => net.bind("tcp", "web")).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => net.bind(undefined as never)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    await expect(net.dial(80 as never)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(net.join(7 as never, "x")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(net.waitFor(`${net.id}:80`)).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("what would not be safe is refused, naming the ways out", () => {
  it("listening beyond loopback", async () => {
    for (const address of [":0", "0.0.0.0:0"])
      await expect(node().listenAndServe("tcp4", address)).rejects.toMatchObject({
        code: "ERR_ASTRANET_INSECURE",
        message: expect.stringMatching(/secret.*authorize.*insecure: true.*loopback/) as string,
      });
    const { address } = await node({ insecure: true }).listenAndServe("tcp4", ":0");
    expect(address).toMatch(/^0\.0\.0\.0:\d+$/);
    expect((await node({ insecure: true }).join("tcp4", address)).peer).toMatch(/^[0-9a-f]{16}$/);
  });

  it("a token, which does not exist yet, and with insecure what only encryption could honour", async () => {
    expect(() => new AstraNet({ token: "x" })).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INSECURE", message: expect.stringMatching(/token.*secret.*authorize/) as string }));
    expect(() => new AstraNet({ insecure: true, secret: "correct horse battery staple" })).toThrow(
      expect.objectContaining({ code: "EINVAL", message: expect.stringMatching(/secret.*insecure: true/) as string }),
    );
    expect(() => new AstraNet({ insecure: true, identity: generateIdentity() })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("identity") as string }));
    const [a, b] = await pair({ insecure: true }, { insecure: true });
    b.bind("web");
    await expect(a.dial("web", { peerKey: new Uint8Array(32) })).rejects.toMatchObject({ code: "ERR_ASTRANET_INSECURE", message: expect.stringContaining("peerKey") as string });
  });

  it("a network that has no transport", async () => {
    await expect(node().join("carrier-pigeon", "x")).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("tcp4") as string });
    await expect(node({ transports: [new MemoryTransport()] }).join("tcp", "127.0.0.1:1")).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT" });
  });

  it("but a transport of one's own may serve ws", async () => {
    const memory = new MemoryTransport();
    const ws: Transport = {
      networks: ["ws"],
      dial: (_network, address, options) => memory.dial("memory", address, options),
      listen: (_network, address, init) => memory.listen("memory", address, init),
    };
    const [a, b] = [node({ insecure: true, transports: [ws] }), node({ insecure: true, transports: [ws, new TcpTransport()] })];
    await a.listenAndServe("ws", "here");
    expect((await b.join("ws", "here")).peer).toBe(a.id);
  });
});
