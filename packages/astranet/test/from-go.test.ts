// What users of Go's astranet know, under its names; docs/from-go.md is the table. What needs sockets or HTTP is in from-go.node.test.ts.
import { memoryPair } from "astranet";
import { describe, expect, it } from "vitest";
import { answer, ask, chain, next, node, pair, readAll } from "./support/nodes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("New", () => {
  it("gives a node of its own, with a random id", () => {
    const [one, other] = [node(), node()];
    expect(one.id).not.toBe(other.id);
  });

  it("as a method gives a fresh node with the configuration copied, the role too", () => {
    const copy = node({ role: "router", env: "prod" }).new();
    expect(copy).toMatchObject({ role: "router", env: "prod" });
  });
});

describe("Dial", () => {
  it("reaches 'service_name', and 'host:port', where the host is an id", async () => {
    const [server, client] = await pair();
    const listener = server.bind("", "service_name");
    void answer(listener, "heard ");
    expect(await ask(await client.dial("", "service_name"), "by name")).toBe("heard by name");
    expect(await ask(await client.dial("", `${server.id}:${String(listener.port)}`), "by id")).toBe("heard by id");
  });

  it("waits for the service to appear", async () => {
    const [server, client] = await pair();
    const dialling = client.dial("", "late");
    void answer(server.bind("", "late"), "here");
    expect(await ask(await dialling)).toBe("here");
  });

  it("resolves when the other side has accepted, which Go did not wait for", async () => {
    const [server, client] = await pair();
    const listener = server.bind("", ":80");
    let resolved = false;
    const dialling = client.dial("", listener.address).finally(() => (resolved = true));
    await client.ping(server.id);
    expect(resolved).toBe(false);
    const [conn] = await Promise.all([dialling, listener.accept()]);
    conn.reset();
  });

  it("of a port that nobody bound fails, where Go's writes hung", async () => {
    const [server, client] = await pair();
    await expect(client.dial("", `${server.id}:81`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("says ENOTFOUND for Go's 'Host not found', EHOSTUNREACH for 'No route to'", async () => {
    const net = node();
    await expect(net.dial("", "nobody", { timeoutMs: 10 })).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(net.dial("", "00000000000000aa:80")).rejects.toMatchObject({ code: "EHOSTUNREACH" });
  });
});

describe("DialTimeout", () => {
  it("bounds the wait for a service", async () => {
    await expect(node().dialTimeout("", "nobody", 10)).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("of 0 is no time, where it was ten seconds in Go", async () => {
    await expect(node().dialTimeout("", "nobody", 0)).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("Bind", () => {
  it("takes ':port', 'name', 'name:port', and ':0' for a free port", () => {
    const net = node();
    expect(net.bind("", ":80")).toMatchObject({ port: 80, service: undefined });
    expect(net.bind("", "name").service).toBe("name");
    expect(net.bind("", "name:81")).toMatchObject({ port: 81, service: "name" });
    expect(net.bind("", ":0").port).toBeGreaterThan(0);
  });

  it("of 'name:port' is dialled as 'name' and as 'name:port', which Go's Dial never found", async () => {
    const [server, client] = await pair();
    void answer(server.bind("", "name:81"), "both");
    expect(await ask(await client.dial("", "name"))).toBe("both");
    expect(await ask(await client.dial("", "name:81"))).toBe("both");
    await expect(client.dial("", "name:82", { timeoutMs: 10 })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("of a port that is taken is EADDRINUSE, where Go's newest listener took over", () => {
    const net = node();
    net.bind("", ":80");
    expect(() => net.bind("", ":80")).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  });

  it("takes the network '' only: the others meant nothing", () => {
    expect(() => node().bind("tcp4", "name")).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("refuses a port that is none, which Go took for any free one", () => {
    expect(() => node().bind("", "name:http")).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});

describe("Attach", () => {
  it("links two pipes in one process, as Go's README does with IOLoop", async () => {
    const [astraNet1, astraNet2] = [node(), node()];
    const [server, client] = memoryPair();
    astraNet1.attach(server); // Go's waited for the link's end, and needed a goroutine
    const link = astraNet2.attach(client);
    expect(await link.ready).toBe(astraNet1.id);
    void answer(astraNet1.bind("", "hello"), "Hello!");
    expect(await ask(await astraNet2.dial("", "hello"))).toBe("Hello!");
    await link.close();
    await link.closed;
  });
});

describe("IOLoop", () => {
  it("is a pair { readable, writable }", async () => {
    const [astraNet1, astraNet2] = [node(), node()];
    const [up, down] = [new TransformStream<Uint8Array, Uint8Array>(), new TransformStream<Uint8Array, Uint8Array>()];
    astraNet1.attach({ readable: up.readable, writable: down.writable });
    expect(await astraNet2.attach({ readable: down.readable, writable: up.writable }).ready).toBe(astraNet1.id);
  });
});

describe("Services", () => {
  it("lists what can be dialled: Service, Host and Port are name, id and port", async () => {
    const [server, client] = await pair();
    const { port } = server.bind("", "web");
    await client.waitFor("web");
    expect(client.services()).toMatchObject([{ name: "web", id: server.id, port }]);
  });
});

describe("ServiceMap", () => {
  it("is found in, waited on and followed: Discover, DiscoverTimeout, Iter and Sync are get, find and watch", async () => {
    const [server, client] = await pair();
    const map = client.serviceMap();
    expect(map.get("web")).toBeUndefined();
    const [found, listener] = [map.find("web"), server.bind("", "web")];
    expect((await found).id).toBe(server.id);
    const seen: string[] = [];
    for await (const event of map.watch()) {
      seen.push(event.type);
      if (event.type === "snapshot") void listener.close();
      if (event.type === "down") break;
    }
    // In between, its cost may change.
    expect(seen.filter((type) => type !== "change")).toEqual(["snapshot", "down"]);
  });
});

describe("Routes", () => {
  it("list each node that can be reached once: Host and Distance are id and hops", async () => {
    const [server, client] = await pair();
    expect(client.routes()).toMatchObject([{ id: server.id, hops: 1 }]);
  });
});

describe("RoutesMap", () => {
  it("is the same, live", async () => {
    const [server, client] = await pair();
    const map = client.routesMap();
    expect(map.get(server.id)?.hops).toBe(1);
    const down = next(client, "linkdown");
    await server.close();
    await down;
    expect(map.size).toBe(0);
  });
});

describe("WithEnv", () => {
  it("keeps the names of one namespace apart from those of another", async () => {
    const [server, client] = await pair();
    void answer(server.withEnv("alice", "chat").bind("", "http-api"), "alice");
    void answer(server.withEnv("bob", "chat").bind("", "http-api"), "bob");
    expect(await ask(await client.withEnv("bob", "chat").dial("", "http-api"))).toBe("bob");
    await expect(client.dial("", "http-api", { timeoutMs: 10 })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("is a view of the same node, where Go made another node, which had to join anew", async () => {
    const [, client] = await pair();
    const view = client.withEnv("chat");
    expect(view).toMatchObject({ id: client.id, env: "chat", links: client.links });
    expect(view.withEnv().env).toBe("");
  });

  it("is no suffix of the name: Go's 'web.prod' was 'web' in the env 'prod'", async () => {
    const [server, client] = await pair();
    server.withEnv("prod").bind("", "web");
    await client.withEnv("prod").waitFor("web");
    await expect(client.dial("", "web.prod", { timeoutMs: 10 })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

describe("WithLoopBack", () => {
  it("is not needed to reach one's own services", async () => {
    for (const net of [node(), node().withLoopBack()]) {
      void answer(net.bind("", "own"), "reached");
      expect(await ask(await net.dial("", "own"))).toBe("reached");
      await net.close();
    }
  });
});

describe("Client", () => {
  it("offers no services: a name is refused, where Go's kept it to itself; a port is not", () => {
    const net = node().client();
    expect(net.role).toBe("client");
    expect(() => net.bind("", "web")).toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(net.bind("", ":80").port).toBe(80);
  });

  it("dials the services of others", async () => {
    const [server, client] = await pair({ role: "server" }, { role: "client" });
    void answer(server.bind("", "hello"), "Hello!");
    expect(await ask(await client.dial("", "hello"))).toBe("Hello!");
  });
});

describe("Server", () => {
  it("offers its services, and is a fresh node with the configuration copied", () => {
    const net = node({ env: "prod" });
    const server = net.server();
    expect(server).toMatchObject({ role: "server", env: "prod" });
    expect(server.id).not.toBe(net.id);
    expect(server.bind("", "web").service).toBe("web");
  });
});

describe("Router", () => {
  it("offers its services, and is a fresh node with the configuration copied", () => {
    const router = node({ env: "prod" }).router();
    expect(router).toMatchObject({ role: "router", env: "prod" });
    expect(router.bind("", "web").service).toBe("web");
  });

  it("carries what two others say to each other, who have no link, as Go's did for everybody", async () => {
    const [one, router, other] = await chain({ role: "peer" }, { role: "router" }, { role: "peer" });
    void answer(other!.bind("", "hello"), "Hello!");
    expect(await ask(await one!.dial("", "hello"))).toBe("Hello!");
    expect(one!.routes()).toContainEqual(expect.objectContaining({ id: other!.id, via: [router!.id], hops: 2 }));
  });
});

describe("HttpDial", () => {
  it("takes port 80 of a name for any, and any other for itself", async () => {
    const net = node();
    void answer(net.bind("", "web:8080"), "web");
    expect(await ask(await net.httpDial("", "web:80"))).toBe("web");
    expect(await ask(await net.httpDial("", "web:8080"))).toBe("web");
    await expect(net.httpDial("", "web:81", { timeoutMs: 10 })).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

/** Eight providers of one name, each of which says its number; and how to ask one. */
async function eight(): Promise<(network: string, address: string, select?: "random") => Promise<string>> {
  const [server, client] = await pair();
  for (let i = 0; i < 8; i++) void answer(server.bind("", "kv"), String(i));
  await expect.poll(() => client.services().length).toBe(8);
  return async (network, address, select) => ask(await client.dial(network, address, select === undefined ? {} : { select }));
}

describe("the network 'registry://key'", () => {
  it("leads to the same provider for the same key, as HashRingSelector did", async () => {
    const dial = await eight();
    const chosen = new Set<string>();
    for (let key = 0; key < 20; key++) {
      const first = await dial(`registry://${String(key)}`, "kv");
      chosen.add(first);
      expect(await dial(`registry://${String(key)}`, "kv")).toBe(first);
    }
    expect(chosen.size).toBeGreaterThan(1);
  });

  it("needs its key, and both slashes", async () => {
    for (const network of ["registry://", "registry:key"]) await expect(node().dial(network, "kv")).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("the network 'vport2registry'", () => {
  it("leads to the same provider for the same port, which chooses no port", async () => {
    const dial = await eight();
    const chosen = new Set<string>();
    for (let port = 1; port <= 20; port++) {
      const first = await dial("vport2registry", `kv:${String(port)}`);
      chosen.add(first);
      expect(await dial("vport2registry", `kv:${String(port)}`)).toBe(first);
    }
    expect(chosen.size).toBeGreaterThan(1);
  });
});

describe("the network ''", () => {
  it("takes the nearest provider; RandomSelector, Go's default, is select: 'random'", async () => {
    const dial = await eight();
    const chosen = new Set<string>();
    // 1 in 8^40 · 8 that all are the same.
    for (let i = 0; i < 41; i++) chosen.add(await dial("", "kv", "random"));
    expect(chosen.size).toBeGreaterThan(1);
  });

  it("is the only other one that Dial takes: what Go ignored is refused", async () => {
    for (const network of ["tcp", "tcp4", "astranet"]) await expect(node().dial(network, "kv")).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("Uint2Host and Host2Uint", () => {
  it("have no counterpart: an id is its text, 16 hexadecimal digits, and no name is ever taken for one", async () => {
    const net = node();
    expect(net.id).toMatch(/^[0-9a-f]{16}$/);
    // Eleven characters of base64 are a host in Go.
    void answer(net.bind("", "http-api-v2"), "a name");
    expect(await ask(await net.dial("", "http-api-v2"))).toBe("a name");
    expect(() => net.bind("", "0123456789abcdef")).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });
});

describe("the Listener's", () => {
  it("Accept, Close and Addr are accept, close and address", async () => {
    const net = node();
    const listener = net.bind("", "web:80");
    const [accepted, conn] = await Promise.all([listener.accept(), net.dial("", "web")]);
    expect(listener.address).toBe(`${net.id}:80`);
    await Promise.all([accepted.close(), conn.close()]);
    const waiting = listener.accept();
    await listener.close();
    await expect(waiting).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    // A loop ends, as Go's does with io.EOF.
    for await (const left of listener) left.reset();
  });
});

describe("AcceptTimeout", () => {
  it("is accept with a signal, which leaves the listener open", async () => {
    const net = node();
    const listener = net.bind("", ":80");
    const reason = new Error("too late");
    await expect(listener.accept({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const [accepted] = await Promise.all([listener.accept(), net.dial("", listener.address)]);
    accepted.reset();
  });
});

describe("the Conn's", () => {
  it("Read, Write and Close are read, write and end; io.EOF is null", async () => {
    const net = node();
    const listener = net.bind("", ":80");
    const [accepted, conn] = await Promise.all([listener.accept(), net.dial("", listener.address)]);
    await conn.write(bytes("question"));
    expect(new TextDecoder().decode((await accepted.read()) ?? undefined)).toBe("question");
    // One direction ends by itself, which Go's could not.
    await conn.end();
    expect(await accepted.read()).toBeNull();
    await accepted.end(bytes("answer"));
    expect(await readAll(conn)).toBe("answer");
  });

  it("LocalAddr and RemoteAddr are the two ends' ids and ports", async () => {
    const [server, client] = await pair();
    const listener = server.bind("", ":80");
    const [accepted, conn] = await Promise.all([listener.accept(), client.dial("", listener.address)]);
    expect(conn.remoteAddress).toEqual({ id: server.id, port: 80 });
    expect(accepted).toMatchObject({ localAddress: conn.remoteAddress, remoteAddress: conn.localAddress });
    conn.reset();
  });

  it("SetDeadline takes milliseconds from now, and leaves the Conn unharmed", async () => {
    const net = node();
    const listener = net.bind("", ":80");
    const [accepted, conn] = await Promise.all([listener.accept(), net.dial("", listener.address)]);
    conn.setReadDeadline(1);
    await expect(conn.read()).rejects.toMatchObject({ code: "ETIMEDOUT" });
    conn.setDeadline(undefined);
    await accepted.end(bytes("still here"));
    expect(await readAll(conn)).toBe("still here");
    await conn.end();
  });

  it("end is ECONNRESET when the way to the other side is lost, which looked like io.EOF in Go", async () => {
    const [server, client] = [node(), node()];
    const [here, there] = memoryPair();
    server.attach(here);
    await client.attach(there).ready;
    const listener = server.bind("", "web");
    const [accepted] = await Promise.all([listener.accept(), client.dial("", "web")]);
    const reading = expect(accepted.read()).rejects.toMatchObject({ code: "ECONNRESET" });
    there.abort();
    await reading;
  });
});
