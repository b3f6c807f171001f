import { AstraNet, type AuthorizeRequest, generateIdentity, identityFrom, type Transport } from "astranet";
import { TcpTransport } from "astranet/node";
import { describe, expect, it } from "vitest";
import { node, pair } from "./support/nodes.ts";

const secret = "KJH7Hsk2lsp0Zq1mXWfBpA==";
const newer = "another one, just as long";

describe("a secret", () => {
  it("keeps out who does not know it, over TCP, with EACCES on both sides, and lets in who does", async () => {
    const server = node({ secret });
    const { address } = await server.listenAndServe("tcp4", ":0");
    const port = Number(address.split(":")[1]);
    const refused: string[] = [];
    server.addEventListener("linkerror", ({ detail }) => refused.push(detail.error.code));
    for (const stranger of [node(), node({ secret: newer })]) {
      await expect(stranger.join("tcp4", `127.0.0.1:${port}`)).rejects.toMatchObject({ code: "EACCES" });
    }
    await expect.poll(() => refused).toEqual(["EACCES", "EACCES"]);
    const member = node({ secret });
    expect((await member.join("tcp4", `127.0.0.1:${port}`)).peer).toBe(server.id);
  });

  it("may be lacking where a node joins: what is beyond this machine is dialled, and encrypted", async () => {
    const keys: unknown[] = [];
    const server = node({ authorize: ({ action, ...request }) => (keys.push(action === "link" && "key" in request ? request.key : undefined), true) });
    const { address } = await server.listenAndServe("tcp4", ":0");
    const beyond: string[] = [];
    // An address of documentation (RFC 5737), which leads to the server here.
    const tcp = new TcpTransport();
    const elsewhere: Transport = { networks: ["tcp4"], dial: (network, asked, options) => (beyond.push(asked), tcp.dial(network, `127.0.0.1:${address.split(":")[1]!}`, options)) };
    const client = node({ transports: [elsewhere] });
    expect((await client.join("tcp4", "203.0.113.7:10000")).peer).toBe(server.id);
    expect([beyond, keys]).toEqual([["203.0.113.7:10000"], [client.publicKey]]);
  });

  it("is changed without losing a link: old, then new and old, then new", async () => {
    const links: [string | string[], string | string[]][] = [
      [secret, [newer, secret]],
      [[newer, secret], [newer, secret]],
      [[newer, secret], newer],
    ];
    for (const [ours, theirs] of links) {
      const server = node({ secret: theirs });
      const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
      expect((await node({ secret: ours }).join("tcp4", address)).peer).toBe(server.id);
    }
  });

  it.each([
    ["too short", "swordfish", /9 bytes.*openssl/],
    ["one of several too short", [secret, "x"], /secret 2 of the list/],
    ["no text", 12345 as unknown as string, /not number/],
    ["an empty list", [], /1 to 8/],
  ])("that is %s is EINVAL, and said why", (_what, wrong, words) => {
    expect(() => new AstraNet({ secret: wrong })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringMatching(words) as string }));
  });
});

describe("an identity", () => {
  it("is a node's for good: the same key is the same id", () => {
    const identity = generateIdentity();
    const [one, again, other] = [node({ identity }), node({ identity: identityFrom(identity.secretKey) }), node()];
    expect([one.id, one.publicKey]).toEqual([again.id, again.publicKey]);
    expect(one.publicKey).toEqual(identity.publicKey);
    expect(other.id).not.toBe(one.id);
  });

  it("is not copied to a new node of the same configuration", () => {
    const one = node({ identity: generateIdentity() });
    const copy = one.new();
    expect(copy.id).not.toBe(one.id);
  });

  it("that is none is EINVAL", () => {
    expect(() => new AstraNet({ identity: { publicKey: new Uint8Array(3), secretKey: new Uint8Array(32) } })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("can be pinned by who dials", async () => {
    const [a, b] = await pair();
    const listener = b.bind("web");
    await expect(a.dial("web", { peerKey: generateIdentity().publicKey })).rejects.toMatchObject({ code: "EACCES" });
    const dialled = a.dial("web", { peerKey: b.publicKey! });
    await listener.accept();
    const conn = await dialled;
    expect(conn.remoteAddress.id).toBe(b.id);
    conn.reset();
  });
});

describe("authorize", () => {
  it("decides about links and dials, and lets a node listen beyond this machine", async () => {
    const requests: AuthorizeRequest[] = [];
    const server = node({ authorize: (request) => (requests.push(request), request.action !== "dial" || request.service === "web") });
    const { address } = await server.listenAndServe("tcp4", ":0");
    const client = node();
    await client.join("tcp4", `127.0.0.1:${address.split(":")[1]!}`);
    expect(requests).toMatchObject([{ action: "link", peer: client.id, key: client.publicKey }]);
    const web = server.bind("web");
    server.bind("secret-files");
    await client.waitFor("secret-files");
    await expect(client.dial("secret-files")).rejects.toMatchObject({ code: "EACCES" });
    const dialled = client.dial("web");
    await web.accept();
    const conn = await dialled;
    expect(conn.service).toBe("web");
    conn.reset();
  });

  it("that is no function is EINVAL", () => {
    expect(() => new AstraNet({ authorize: "yes" as unknown as () => boolean })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});
