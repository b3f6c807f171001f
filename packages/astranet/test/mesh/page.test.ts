import { type AstraNet, generateIdentity } from "astranet";
import { describe, expect, inject, it } from "vitest";
import { answer, ask, node } from "../support/nodes.ts";
import { pageMarker } from "../support/page-marker.ts";

/** What the tap at the relay's splices has seen so far. */
async function tapped(net: AstraNet): Promise<{ bytes: number; whole: number; pieces: number }> {
  return JSON.parse(await ask(await net.dial("", "tapped"))) as { bytes: number; whole: number; pieces: number };
}

describe("a page (or a program in Node) that joins a relay over a WebSocket", () => {
  it("dials a service in Node through it, and the relay sees nothing of what they say", async () => {
    const net = node();
    const { peer } = await net.join("ws", inject("relays").encrypted);
    const { id } = await net.waitFor("far-echo");
    expect(net.routes().find((route) => route.id === id)).toMatchObject({ via: [peer], hops: 2 });
    await net.waitFor("tapped");
    const before = await tapped(net);
    const peerKey = Uint8Array.from(inject("farKey"));
    expect(await ask(await net.dial("", "far-echo", { peerKey }), pageMarker)).toBe(`heard ${pageMarker}`);
    const after = await tapped(net);
    expect(after.bytes - before.bytes).toBeGreaterThan(2 * pageMarker.length);
    expect([after.whole - before.whole, after.pieces - before.pieces]).toEqual([0, 0]);
    await expect(net.dial("", "far-echo", { peerKey: generateIdentity().publicKey })).rejects.toMatchObject({ code: "EACCES" });
  });

  it("shows the same tap all that is said where nodes are insecure", async () => {
    const net = node({ insecure: true });
    await net.join("ws", inject("relays").clear);
    await Promise.all(["far-echo", "tapped"].map((name) => net.waitFor(name)));
    const before = await tapped(net);
    expect(await ask(await net.dial("", "far-echo"), pageMarker)).toBe(`heard ${pageMarker}`);
    expect((await tapped(net)).whole - before.whole).toBe(2);
  });

  it("binds a service that a program in Node dials through the relay", async () => {
    const net = node();
    await net.join("ws", inject("relays").encrypted);
    const name = `in-${net.id}x`;
    void answer(net.bind("", name), "here, ");
    await net.waitFor("far-call");
    expect(await ask(await net.dial("", "far-call"), name)).toBe("here, are you there?");
  });
});
