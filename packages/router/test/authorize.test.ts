import { nodeIdOfKey } from "@astranet/router";
import { describe, expect, it } from "vitest";
import type { Authorize, AuthorizeRequest } from "@astranet/router";
import { identities } from "./support/identities.ts";
import { TestNetwork, during, outcome } from "./support/network.ts";
import { uncaught } from "./support/uncaught.ts";

function asked(answer: (request: AuthorizeRequest) => boolean): { authorize: Authorize; requests: AuthorizeRequest[] } {
  const requests: AuthorizeRequest[] = [];
  return { requests, authorize: (request) => (requests.push(request), answer(request)) };
}

const identity = identities(8);

describe("authorize", () => {
  it("is asked once about each neighbour, and both ends learn of a no", async () => {
    const net = new TestNetwork();
    const { authorize, requests } = asked(() => false);
    const [a, b] = [net.node(1, { role: "server" }), net.node(2, { authorize })];
    const [left, right] = net.pipe();
    const links = [a.router.attach(left, { initiator: true }), b.router.attach(right)];
    await net.clock.advance(500);
    expect(requests).toEqual([{ action: "link", peer: a.id, key: undefined, role: "server", remoteAddress: right.remoteAddress }]);
    for (const { ready } of links) {
      expect(await outcome(ready)).toMatchObject({ code: "EACCES", retryable: false, message: expect.stringContaining(`node ${b.id} does not allow node ${a.id}`) as string });
    }
  });

  it.each([true, false])("is told a key only where it was proven: encrypted %s", async (isEncrypted) => {
    const net = new TestNetwork();
    const { authorize, requests } = asked(() => true);
    const [one, two] = [identity(), identity()];
    const a = net.node(1, { id: nodeIdOfKey(one.publicKey)!, security: { identity: one } });
    const b = net.node(2, { id: nodeIdOfKey(two.publicKey)!, security: { identity: two }, authorize });
    const [left, right] = net.pipe();
    // A name that says nothing of where it ends.
    const leads = isEncrypted ? "serial" : "memory";
    for (const end of [left, right]) Object.defineProperties(end, { localAddress: { value: leads }, remoteAddress: { value: leads } });
    a.router.attach(left, { initiator: true });
    b.router.attach(right);
    await net.clock.advance(500);
    expect(b.router.links).toMatchObject([{ state: "up" }]);
    expect(requests).toMatchObject([{ action: "link", peer: a.id, key: isEncrypted ? one.publicKey : undefined }]);
  });

  it("is asked about each dial of others: a no is EACCES for the dialler, whether somebody listens or not", async () => {
    const net = new TestNetwork();
    const { authorize, requests } = asked(({ action }) => action === "link");
    const [a, b] = [net.node(1), net.node(2, { authorize })];
    await net.link(a, b);
    b.router.bind({ port: 80, service: "web" });
    for (const [port, service] of [[80, "web"], [81, undefined]] as const) {
      const dialled = a.router.connect(b.id, port, service === undefined ? {} : { service, env: "prod" });
      dialled.catch(() => undefined);
      await net.clock.advance(10);
      expect(await outcome(dialled)).toMatchObject({ code: "EACCES", retryable: false, via: [b.id], message: expect.stringContaining(`node ${a.id} is not allowed to dial port ${port}`) as string });
    }
    expect(requests.slice(1)).toEqual([
      { action: "dial", peer: a.id, port: 80, service: "web", env: "prod" },
      { action: "dial", peer: a.id, port: 81, service: undefined, env: "" },
    ]);
  });

  it("is not asked about a node's dials to itself, and lets those in to whom it says yes", async () => {
    const net = new TestNetwork();
    const { authorize, requests } = asked(() => true);
    const [a, b] = [net.node(1), net.node(2, { authorize })];
    await net.link(a, b);
    const listener = b.router.bind({ port: 80 });
    const dials = [a.router.connect(b.id, 80), b.router.connect(b.id, 80)];
    for (const _dial of dials) await during(net.clock, listener.accept(), 10);
    for (const dial of dials) expect((await during(net.clock, dial, 10)).remoteAddress).toEqual({ id: b.id, port: 80 });
    expect(requests.map(({ action }) => action)).toEqual(["link", "dial"]);
  });

  it.each<[string, () => unknown, string]>([
    ["a Promise of false", () => Promise.resolve(false), "a Promise"],
    ["a Promise of true", () => Promise.resolve(true), "a Promise"],
    // Nobody else hears of the rejection: it would end the process.
    ["a Promise that rejects", () => Promise.reject(new Error("no database")), "a Promise"],
    ["a text", () => "no", "a value of type string"],
    ["a number", () => 1, "a value of type number"],
    ["an object", () => ({}), "a value of type object"],
    ["nothing", () => undefined, "undefined"],
    ["null", () => null, "null"],
  ])("that answers with %s lets nobody in, and both ends hear of the mistake", async (_what, answer, described) => {
    const net = new TestNetwork();
    const [a, b] = [net.node(1), net.node(2, { authorize: answer as Authorize })];
    const [left, right] = net.pipe();
    const links = [a.router.attach(left, { initiator: true }), b.router.attach(right)];
    await net.clock.advance(500);
    const refusal = { code: "EACCES", message: expect.stringContaining(`to link: authorize must return a boolean, not ${described}`) as string };
    for (const { ready } of links) expect(await outcome(ready)).toMatchObject(refusal);
    expect(b.events).toMatchObject([{ type: "linkerror", error: refusal }]);
  });

  it("that answers a dial with a Promise refuses it, and the dialler hears of the mistake", async () => {
    const net = new TestNetwork();
    const authorize = (({ action }: AuthorizeRequest) => action === "link" || Promise.reject(new Error("no database"))) as Authorize;
    const [a, b] = [net.node(1), net.node(2, { authorize })];
    await net.link(a, b);
    b.router.bind({ port: 80 });
    const dialled = a.router.connect(b.id, 80);
    dialled.catch(() => undefined);
    await net.clock.advance(10);
    expect(await outcome(dialled)).toMatchObject({ code: "EACCES", message: expect.stringContaining("port 80: authorize must return a boolean, not a Promise") as string });
  });

  it("that answers with a Promise carries nothing of others", async () => {
    const net = new TestNetwork();
    const authorize = (({ action }: AuthorizeRequest) => action !== "relay" || Promise.resolve(true)) as Authorize;
    const [a, relay, b] = [net.node(1), net.node(2, { role: "router", authorize }), net.node(3)];
    await net.link(a, relay);
    await net.link(relay, b);
    b.router.bind({ port: 80, onconn: () => undefined });
    await net.clock.advance(5000);
    const dialled = a.router.connect(b.id, 80);
    dialled.catch(() => undefined);
    await net.clock.advance(1000);
    expect(await outcome(dialled)).toMatchObject({ code: "EACCES", via: [relay.id] });
    expect(relay.events.map(({ type }) => type)).toContain("relayrefused");
  });

  it("that throws refuses, and what it threw is an uncaught exception", async () => {
    const net = new TestNetwork();
    const thrown = uncaught();
    const error = new Error("no database");
    const [a, b] = [
      net.node(1),
      net.node(2, {
        authorize: () => {
          throw error;
        },
      }),
    ];
    const [left, right] = net.pipe();
    const links = [a.router.attach(left, { initiator: true }), b.router.attach(right)];
    await net.clock.advance(500);
    for (const { ready } of links) expect(await outcome(ready)).toMatchObject({ code: "EACCES" });
    expect(thrown).toEqual([error]);
  });
});
