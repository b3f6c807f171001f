import { AstraError, AstraNet, memoryPair, MemoryTransport } from "astranet";
import { describe, expect, it } from "vitest";
import { answer, ask, chain, next, node, pair, readAll } from "./support/nodes.ts";

describe("a node", () => {
  it("has an id of its own: 16 hexadecimal digits with a letter", () => {
    const ids = new Set(Array.from({ length: 50 }, () => new AstraNet().id));
    expect(ids.size).toBe(50);
    for (const id of ids) expect(id).toMatch(/^(?=.*[a-f])[0-9a-f]{16}$/);
  });

  it("reaches its own services, by name, by name and port, and by id", async () => {
    const net = node();
    const listener = net.bind("", "echo:7");
    void answer(listener, "heard ");
    expect(listener).toMatchObject({ id: net.id, port: 7, service: "echo", address: `${net.id}:7` });
    for (const address of ["echo", "echo:7", `${net.id}:7`]) expect(await ask(await net.dial("", address), address)).toBe(`heard ${address}`);
    expect(net.services()).toMatchObject([{ name: "echo", id: net.id, port: 7, distance: 0, cost: 0 }]);
  });

  it("dials and binds in the short form too", async () => {
    const net = node();
    void answer(net.bind("echo", { tags: { zone: "a" } }), "short ");
    expect(await ask(await net.dial("echo", { timeoutMs: 1_000 }), "form")).toBe("short form");
    expect(net.services()[0]?.tags).toEqual({ zone: "a" });
  });

  it("links two pipes in one process through attach, without waiting for either", async () => {
    const [a, b] = [node(), node()];
    const [here, there] = memoryPair();
    const links = [a.attach(here), b.attach(there)];
    expect(await Promise.all(links.map(({ ready }) => ready))).toEqual([b.id, a.id]);
    void answer(a.bind("", "hello"), "hello from a");
    await b.waitFor("hello");
    expect(await ask(await b.dial("", "hello"))).toBe("hello from a");
    expect(() => a.attach({} as never)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("attaches a MessagePort and a pair of WHATWG streams", async () => {
    const [a, b] = [node(), node()];
    const { port1, port2 } = new MessageChannel();
    a.attach(port1);
    expect(await b.attach(port2).ready).toBe(a.id);
    const up = new TransformStream<Uint8Array, Uint8Array>();
    const down = new TransformStream<Uint8Array, Uint8Array>();
    const c = node();
    c.attach({ readable: up.readable, writable: down.writable }, { initiator: true });
    expect(await a.attach({ readable: down.readable, writable: up.writable }, { initiator: false }).ready).toBe(c.id);
  });
});

describe("services", () => {
  it("appear at the neighbour, with how far away they are, and go with their listener", async () => {
    const [a, b] = await pair();
    const listener = a.bind("", "web", { tags: { version: "2" }, weight: 7 });
    expect(await b.waitFor("web")).toMatchObject({ name: "web", env: "", id: a.id, port: listener.port, distance: 1, weight: 7, tags: { version: "2" } });
    const map = b.serviceMap();
    expect(map.size).toBe(1);
    expect(map.get("web")?.id).toBe(a.id);
    const events = map.watch();
    expect((await events.next()).value).toMatchObject({ type: "snapshot" });
    await listener.close();
    // A link's cost is measured all the while.
    for await (const event of events) {
      if (event.type === "change") continue;
      expect(event).toMatchObject({ type: "down", key: "web" });
      break;
    }
    expect(b.services()).toEqual([]);
  });

  it("are dialled before there is a provider, which the dial waits for", async () => {
    const [a, b] = await pair();
    const dialling = b.dial("", "late");
    void answer(a.bind("", "late"), "at last");
    expect(await ask(await dialling)).toBe("at last");
  });

  it("have as many providers as bind the name, and another is tried when one refuses", async () => {
    const [a, b] = await pair();
    const full = a.bind("", "work", { backlog: 0 });
    void answer(a.bind("", "work"), "done");
    await b.serviceMap().find("work");
    for (let i = 0; i < 10; i++) expect(await ask(await b.dial("", "work", { select: "random" }))).toBe("done");
    await full.close();
  });

  it("are chosen by affinity: the same provider for the same key, also in Go's words", async () => {
    const [a, b] = await pair();
    for (let i = 0; i < 8; i++) void answer(a.bind("", "kv"), String(i));
    await expect.poll(() => b.services().length).toBe(8);
    for (const key of ["x", "y", "z"]) {
      const network = `registry://${key}`;
      const first = await ask(await b.dial(network, "kv"));
      for (let i = 0; i < 5; i++) expect(await ask(await b.dial(network, "kv"))).toBe(first);
    }
    const byPort = await ask(await b.dial("vport2registry", "kv:4711"));
    for (let i = 0; i < 5; i++) expect(await ask(await b.dial("vport2registry", "kv:4711"))).toBe(byPort);
  });

  it("may be hidden: dialled, and not listed", async () => {
    const [a, b] = await pair();
    void answer(a.bind("", "secret-door", { hidden: true }), "in");
    expect(await ask(await b.dial("", "secret-door"))).toBe("in");
    expect(b.services()).toEqual([]);
  });

  it("drain: a listener takes no more dials, and those that run go on", async () => {
    const [a, b] = await pair();
    const listener = a.bind("", "old");
    await b.waitFor("old");
    const [conn, accepted] = await Promise.all([b.dial("", "old"), listener.accept()]);
    const events = b.serviceMap().watch();
    await events.next();
    await listener.drain();
    expect((await events.next()).value).toMatchObject({ type: "down", key: "old" });
    await events.return?.();
    await expect(b.dial("", "old", { timeoutMs: 50 })).rejects.toMatchObject({ code: "ENOTFOUND" });
    void accepted.end(new TextEncoder().encode("still here"));
    expect(await ask(conn)).toBe("still here");
  });
});

describe("dial", () => {
  it("resolves once the listener's side has accepted", async () => {
    const [a, b] = await pair();
    const listener = a.bind("", ":9");
    let resolved = false;
    const dialling = b.dial("", `${a.id}:9`).then((conn) => {
      resolved = true;
      return conn;
    });
    await b.ping(a.id);
    expect(resolved).toBe(false);
    const [conn, accepted] = await Promise.all([dialling, listener.accept()]);
    expect(accepted.remoteAddress).toEqual(conn.localAddress);
    conn.reset();
  });

  it("rejects with the signal's reason, and the listener sees nothing of it", async () => {
    const [a, b] = await pair();
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const dialling = b.dial("", "nobody", { signal: controller.signal });
    controller.abort(reason);
    await expect(dialling).rejects.toBe(reason);
    await expect(b.dial("", "nobody", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const listener = a.bind("", "somebody");
    await b.waitFor("somebody");
    const other = new AbortController();
    const given = b.dial("", "somebody", { signal: other.signal });
    other.abort(reason);
    await expect(given).rejects.toBe(reason);
    const [conn] = await Promise.all([listener.accept(), b.dial("", "somebody")]);
    expect(conn.service).toBe("somebody");
    conn.reset();
  });

  it("says in time that there is no provider", async () => {
    const [, b] = await pair();
    await expect(b.dialTimeout("", "nobody", 20)).rejects.toMatchObject({ code: "ENOTFOUND", message: expect.stringContaining("nobody") as string });
    await expect(b.dial("", "nobody", { timeoutMs: Number.NaN })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("takes HTTP's hosts: port 80 of a name is any port", async () => {
    const net = node();
    void answer(net.bind("", "web:8080"), "8080");
    void answer(net.bind("", ":80"), "80");
    expect(await ask(await net.httpDial("", "web:80"))).toBe("8080");
    expect(await ask(await net.httpDial("", "web:8080"))).toBe("8080");
    expect(await ask(await net.httpDial("", "web"))).toBe("8080");
    expect(await ask(await net.httpDial("", `${net.id}:80`))).toBe("80");
  });

  it("carries a trace context", async () => {
    const net = node();
    const listener = net.bind("", "traced");
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const [conn] = await Promise.all([listener.accept(), net.dial("", "traced", { trace })]);
    expect(conn.trace).toBe(trace);
    conn.reset();
  });
});

describe("a namespace", () => {
  it("keeps names apart, and not addresses", async () => {
    const [a, b] = await pair();
    void answer(a.bind("", "web"), "plain");
    const listener = a.withEnv("prod", "eu").bind("", "web");
    void answer(listener, "prod");
    const view = b.withEnv("prod", "eu");
    expect(view).toMatchObject({ env: "prod.eu", id: b.id });
    expect(await ask(await view.dial("", "web"))).toBe("prod");
    expect(await ask(await b.dial("", "web"))).toBe("plain");
    expect(await ask(await b.withEnv("test").dial("", listener.address))).toBe("prod");
    expect(view.services().map(({ env }) => env)).toEqual(["prod.eu"]);
    expect(view.serviceMap().size).toBe(1);
    expect(b.services().map(({ env }) => env).sort()).toEqual(["", "prod.eu"]);
    await expect(b.withEnv("test").dial("", "web", { timeoutMs: 20 })).rejects.toMatchObject({ code: "ENOTFOUND" });
    // It replaces, and does not nest.
    expect(view.withEnv("test").env).toBe("test");
    // As a service says its namespace, so it may be named.
    expect(b.withEnv(view.services()[0]?.env ?? "none").services()).toEqual(view.services());
    for (const wrong of ["a b", "", "prod..eu", 7 as never]) expect(() => b.withEnv(wrong)).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("may be a node's own", async () => {
    const [a, b] = await pair({ env: "prod" }, { env: ["prod"] });
    void answer(a.bind("", "web"), "prod");
    expect(await ask(await b.dial("", "web"))).toBe("prod");
    expect(new AstraNet({ env: "prod.eu" }).env).toBe("prod.eu");
  });

  it("closes the listeners it bound, and nothing else", async () => {
    const net = node();
    const own = net.bind("", ":1");
    const view = net.withEnv("prod");
    const bound = view.bind("", "web");
    await view.close();
    await bound.closed;
    expect(() => view.bind("", "web")).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
    expect(net.services()).toEqual([]);
    void answer(own, "open");
    expect(await ask(await net.dial("", own.address))).toBe("open");
  });
});

describe("routes", () => {
  it("have one entry for each neighbour, at the cost of its round trip", async () => {
    const [a, b, c] = await chain({}, {}, {});
    expect(b!.routes().map(({ id }) => id).sort()).toEqual([a!.id, c!.id].sort());
    const [route] = a!.routes();
    expect(route).toMatchObject({ id: b!.id, via: [], hops: 1 });
    expect(route!.rttMs).toBeGreaterThanOrEqual(0);
    const map = b!.routesMap();
    expect(map.size).toBe(2);
    const down = next(b!, "linkdown");
    await c!.close();
    await down;
    expect(map.get(c!.id)).toBeUndefined();
    expect(b!.routes().map(({ id }) => id)).toEqual([a!.id]);
  });

  it("are measured by ping, by id, by address and by name", async () => {
    const [a, b] = await pair();
    const listener = a.bind("", "here");
    await b.waitFor("here");
    for (const target of [a.id, listener.address, "here", b.id]) expect(await b.ping(target)).toBeGreaterThanOrEqual(0);
    await expect(b.ping("nowhere")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(b.ping("00000000000000aa")).rejects.toMatchObject({ code: "EHOSTUNREACH" });
  });
});

describe("a role", () => {
  it("'client' offers no services, and binds ports", async () => {
    const net = node({ role: "client" });
    expect(() => net.bind("", "web")).toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(net.bind("", ":80").port).toBe(80);
    expect(() => new AstraNet({ role: "king" as never })).toThrow(expect.objectContaining({ code: "EINVAL" }));
  });

  it("is given by client, server, router, new and withLoopBack: fresh nodes with the configuration copied", () => {
    const net = node({ role: "peer", env: "prod", transports: [new MemoryTransport()] });
    const copies = [net.new(), net.client(), net.server(), net.router(), net.withLoopBack()];
    expect(copies.map(({ role }) => role)).toEqual(["peer", "client", "server", "router", "peer"]);
    expect(new Set([net, ...copies].map(({ id }) => id)).size).toBe(6);
    for (const copy of copies) expect(copy.env).toBe("prod");
    expect(net.withEnv("test").new().env).toBe("test");
  });
});

describe("events", () => {
  it("tell of links that come and go", async () => {
    const transports = [new MemoryTransport()];
    const [a, b] = [node({ transports }), node({ transports })];
    await a.listenAndServe("memory", "a");
    const up = next(a, "linkup");
    await b.withEnv("any").join("memory", "a");
    expect((await up) as CustomEvent).toMatchObject({ type: "linkup", detail: { peer: b.id } });
    const down = next(a, "linkdown");
    await b.close();
    expect((await down) as CustomEvent).toMatchObject({ detail: { peer: b.id, error: undefined } });
  });

  it("tell of every failed attempt to join, and no more to a listener that was removed", async () => {
    const net = node({ transports: [new MemoryTransport()] });
    const errors: unknown[] = [];
    const note = (event: CustomEvent<{ error: unknown }>): void => void errors.push(event.detail.error);
    net.addEventListener("joinerror", note);
    await expect(net.join("memory", "nowhere", { retry: false })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(errors).toMatchObject([{ code: "ECONNREFUSED" }]);
    net.removeEventListener("joinerror", note);
    await expect(net.join("memory", "nowhere", { retry: false })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(errors.length).toBe(1);
  });
});

describe("close", () => {
  it("lets running streams finish, ends what waits, and takes nothing new", async () => {
    const [a, b] = await pair();
    const listener = a.bind("", "web");
    await b.waitFor("web");
    const [conn, accepted] = await Promise.all([b.dial("", "web"), listener.accept()]);
    const dialling = b.dial("", "nobody");
    const waiting = b.waitFor("nobody");
    const closing = b.close();
    for (const pending of [dialling, waiting]) await expect(pending).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    await expect(b.dial("", "web")).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
    expect(() => b.bind("", ":1")).toThrow(AstraError);
    expect(() => b.withEnv("x")).toThrow(AstraError);
    await expect(b.join("memory", "node 0")).rejects.toBeInstanceOf(AstraError);
    const said = conn.end(new TextEncoder().encode("last words"));
    await accepted.end();
    expect(await readAll(accepted)).toBe("last words");
    expect(await readAll(conn)).toBe("");
    await said;
    await closing;
    await b.closed;
    await b.close();
    expect(b.links).toEqual([]);
  });

  it("leaves no services and no routes to be listed: nobody dials them from here any more", async () => {
    const [a, b] = await pair();
    for (const net of [a, b]) net.bind("", "web");
    await expect.poll(() => b.services().length).toBe(2);
    const view = b.withEnv();
    expect([view.services().length, b.routes().length]).toEqual([2, 1]);
    const closing = b.close();
    const listed = (): unknown[] => [...b.services(), ...view.services(), ...b.routes(), ...view.routes()];
    expect(listed()).toEqual([]);
    await closing;
    expect(listed()).toEqual([]);
  });

  it("ends who follows services and routes, then and later", async () => {
    const net = new AstraNet();
    const registries = [net.serviceMap(), net.withEnv("test").serviceMap(), net.routesMap()];
    const watches = registries.map((registry) => registry.watch());
    for (const watch of watches) expect(await watch.next()).toMatchObject({ value: { type: "snapshot", values: [] } });
    const following = watches.map((watch) => watch.next());
    const waiting = registries.map((registry) => registry.find("none"));
    await net.close();
    for (const next of following) expect(await next).toEqual({ done: true, value: undefined });
    for (const found of [...waiting, net.serviceMap().find("none"), net.routesMap().find("none")]) await expect(found).rejects.toMatchObject({ code: "ERR_ASTRANET_INVALID_STATE" });
  });

  it("is what await using does", async () => {
    let escaped: AstraNet;
    {
      await using net = new AstraNet();
      escaped = net;
      net.bind("", ":1");
    }
    expect(() => escaped.bind("", ":1")).toThrow(expect.objectContaining({ code: "ERR_ASTRANET_INVALID_STATE" }));
  });
});

describe("trace", () => {
  it("tells the nodes on the way, each link's round trip, and why this provider", async () => {
    const [a, relay, b] = (await chain({ role: "peer" }, { role: "router" }, { role: "peer" })) as [AstraNet, AstraNet, AstraNet];
    b.bind("files");
    await a.waitFor("files");
    const found = await a.trace("files");
    expect(found.path).toEqual([a.id, relay.id, b.id]);
    expect(found.hops.map(({ id }) => id)).toEqual([relay.id, b.id]);
    for (const { rttMs } of found.hops) expect(rttMs).toBeGreaterThanOrEqual(0);
    expect(found).toMatchObject({ id: b.id, why: 'the only provider of "files"', choice: { policy: "nearest", chosen: { id: b.id, distance: 2 } } });
    relay.bind("files");
    await expect.poll(() => a.services()).toHaveLength(2);
    const nearer = await a.trace("files", { select: ([first]) => first! });
    expect(nearer).toMatchObject({ id: relay.id, path: [a.id, relay.id], choice: { policy: "custom" } });
    expect(nearer.choice!.candidates.map(({ service, streams, ejectedForMs }) => [service.id, streams, ejectedForMs])).toEqual([
      [relay.id, 0, 0],
      [b.id, 0, 0],
    ]);
    expect(nearer.why).toMatch(/^custom of 2 providers of "files": cost/);
    expect(await a.trace(b.id)).toMatchObject({ id: b.id, choice: undefined, why: "the address is that of a node" });
    expect(await a.trace(a.id)).toMatchObject({ path: [a.id], hops: [] });
  });

  it("says what it cannot find", async () => {
    const net = node();
    await expect(net.trace("nobody")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(net.trace("a23456789012345b")).rejects.toMatchObject({ code: "EHOSTUNREACH" });
    await expect(net.trace("NoName")).rejects.toMatchObject({ code: "EINVAL" });
  });
});
