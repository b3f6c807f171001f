import { describe, expect, it } from "vitest";
import { hostOf, isEverywhere, isIp, staysHere } from "../src/wire-address.ts";
import { acceptedIsBeyond, attachedIsBeyond, dialledIsBeyond, Wires } from "../src/wires.ts";
import { MemoryTransport, memoryPair, type Connection, type Transport } from "@astranet/transport";

/** Whoever is taken for a neighbour within this machine may link without encryption. */
describe("an address", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["[::1]:80", "::1"],
    ["[::1]", "::1"],
    ["::1", "::1"],
    [":80", ""],
    ["example.org:80", "example.org"],
    ["x[::1]:80", "x[::1]:80"],
  ])("%s has the host %s", (address, host) => {
    expect(hostOf(address)).toBe(host);
  });

  it.each([
    "localhost:80",
    "127.0.0.1:80",
    "127.255.255.254",
    "[::1]:80",
    "::1",
    "[::ffff:127.0.0.1]:80",
    "::FFFF:127.0.0.1",
    "ws://127.0.0.1:80/path",
    "wss://localhost/a/b",
    "ws://[::1]:80/",
  ])("%s stays on this machine", (address) => {
    expect(staysHere("tcp", address)).toBe(true);
  });

  it.each([
    "10.127.0.0.1:80",
    "127.0.0.1.example.org:80",
    "example.127.0.0.1",
    "1127.0.0.1",
    "127.0.0.1234",
    "127.0.0",
    "128.0.0.1",
    "::1:2",
    "[::2]:80",
    "[::ffff:10.0.0.1]:80",
    "[2001::ffff:127.0.0.1]:80",
    "localhost.example.org:80",
    "notlocalhost",
    "ws://example.org/127.0.0.1",
    "ws://example.org/localhost",
    "xws://localhost.org/x",
    "",
    ":80",
    "0.0.0.0:80",
  ])("%s may lead beyond it", (address) => {
    expect(staysHere("tcp", address)).toBe(false);
  });

  it("without a host is this machine to whom it is said to be", () => {
    expect([staysHere("tcp", ":80", "localhost"), staysHere("tcp", "ws:///path", "localhost"), staysHere("tcp", ":80")]).toEqual([true, true, false]);
  });

  it.each(["memory", "unix", "pipe", "stdio"])("of the network %s is on this machine, whatever it looks like", (network) => {
    expect(staysHere(network, "203.0.113.7:80")).toBe(true);
  });

  it.each(["", ":80", "0.0.0.0:80", "[::]:80", "::", "ws://0.0.0.0:80/path", "wss://:443/"])("%j is every interface", (address) => {
    expect(isEverywhere(address)).toBe(true);
  });

  it.each(["127.0.0.1:80", "10.0.0.0:80", "[::1]:80", "ws://example.org/", "ws://example.org/0.0.0.0", "0.0.0.0.example.org"])("%j is one host", (address) => {
    expect(isEverywhere(address)).toBe(false);
  });

  it.each(["1.2.3.4", "1.2.3.4:80", "255.255.255.255", "::1", "[fe80::1%eth0]:80", "fe80::1%eth0", "2001:DB8::1"])("%s is an IP address", (address) => {
    expect(isIp(address)).toBe(true);
  });

  it.each(["example.org:80", "1.2.3", "1.2.3.4.5", "x1.2.3.4", "1.2.3.4x", "1234.1.1.1", "abc", "face", "[x::1]:80", "memory:a"])("%s is none", (address) => {
    expect(isIp(address)).toBe(false);
  });
});

describe("the far end of a connection", () => {
  const to = (remoteAddress: string): Connection => Object.defineProperty(memoryPair()[0], "remoteAddress", { value: remoteAddress });

  it("that was accepted is beyond this machine where its address is", () => {
    expect([acceptedIsBeyond("tcp", to("127.0.0.1:5")), acceptedIsBeyond("tcp", to("10.0.0.1:5")), acceptedIsBeyond("unix", to("x")), acceptedIsBeyond("tcp", to("nobody"))]).toEqual([false, true, false, true]);
  });

  it("that was attached is beyond this machine where its address is an IP address elsewhere: whoever attaches something else knows where it leads", () => {
    for (const here of ["memory", "port:1", "serial", "", "127.0.0.1:5", "[::1]:5"]) expect([here, attachedIsBeyond(to(here))]).toEqual([here, false]);
    for (const beyond of ["10.0.0.1:5", "[2001:db8::1]:5"]) expect([beyond, attachedIsBeyond(to(beyond))]).toEqual([beyond, true]);
  });

  it("is trusted by a node that encrypts only where it is in this process by its network, or by its own name", () => {
    const wires = new Wires([], { insecure: false, encrypts: true, guarded: true });
    for (const inside of ["memory", "memory:a", "port", "port:1", "pipe", "stdio"]) expect([inside, wires.modeOf(to(inside), undefined, false)]).toEqual([inside, "local"]);
    for (const outside of ["memory-stick", "my-memory", "portal", "127.0.0.1:5", ""]) expect([outside, wires.modeOf(to(outside), undefined, false)]).toEqual([outside, "noise"]);
    expect([wires.modeOf(to("memory"), "tcp", false), wires.modeOf(to("10.0.0.1:5"), "memory", true)]).toEqual(["noise", "local"]);
  });

  it("beyond this machine is refused by a node in clear that was not told to trust it, before it is dialled where the address says so", () => {
    const [clear, trusting] = [false, true].map((insecure) => new Wires([new MemoryTransport()], { insecure, encrypts: false, guarded: true })) as [Wires, Wires];
    expect(clear.modeOf(to("127.0.0.1:5"), "tcp", false)).toBe("local");
    expect(() => clear.modeOf(to("10.0.0.1:5"), "tcp", true)).toThrow(/ERR_ASTRANET_INSECURE: the other end, 10\.0\.0\.1:5, may be beyond this machine, and links are in clear/);
    expect(trusting.modeOf(to("10.0.0.1:5"), "tcp", true)).toBe("insecure");
    // Memory is this process whatever the address is like.
    expect(() => clear.checkDial("memory", "10.0.0.1:5")).not.toThrow();
    const tcp: Transport = { networks: ["tcp"], dial: () => Promise.reject(new Error("nobody dials here")) };
    const dial = (safety: { insecure: boolean; encrypts: boolean }, address: string): (() => void) => () => new Wires([tcp], { ...safety, guarded: false }).checkDial("tcp", address);
    expect(dial({ insecure: false, encrypts: false }, "10.0.0.1:5")).toThrow(/ERR_ASTRANET_INSECURE: tcp 10\.0\.0\.1:5 is beyond this machine/);
    for (const safety of [{ insecure: true, encrypts: false }, { insecure: false, encrypts: true }]) expect(dial(safety, "10.0.0.1:5")).not.toThrow();
    // A name is looked up first, and what answers is judged then.
    for (const address of ["127.0.0.1:5", "example.org:5"]) expect(dial({ insecure: false, encrypts: false }, address)).not.toThrow();
    expect(() => new Wires([], { insecure: false, encrypts: false, guarded: false }).find("tcp")).toThrow(/no transport serves network "tcp" \(there are: none\)/);
    expect(() => clear.checkDial("carrier-pigeon", "x")).toThrow(/ERR_ASTRANET_NO_TRANSPORT: no transport serves network "carrier-pigeon" \(there are: memory\)/);
  });

  it("that was dialled is judged by the address that answered, or by the one that was dialled where that is no IP address", () => {
    expect(dialledIsBeyond("tcp", "localhost:80", to("127.0.0.1:80"))).toBe(false);
    expect(dialledIsBeyond("tcp", "localhost:80", to("10.0.0.1:80"))).toBe(true);
    expect(dialledIsBeyond("tcp", "example.org:80", to("127.0.0.1:80"))).toBe(false);
    expect(dialledIsBeyond("ws", "ws://:80/", to("websocket"))).toBe(false);
    expect(dialledIsBeyond("ws", "ws://example.org/", to("websocket"))).toBe(true);
  });
});
