import { Flag } from "@astranet/frame";
import { Session } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { bytes, credit, data, fin, link, only, settings, started, syn, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";

const MiB = 1_048_576;

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
const typed = (frame: Frame): Frame => ({ ...frame, flags: Flag.SYN | Flag.TYPED, streamType: 7 }) as Frame;

/** The codes with which a server ends its session where all of this comes in one chunk, within which no credit is granted. */
function endOf(...said: readonly Frame[]): number[] {
  const connection = new HeldConnection();
  const session = new Session(connection, { role: "server", initialWindow: 2 * MiB, clock: new ManualClock() });
  connection.give(settings(), ...said);
  session.abort();
  return only(connection.frames, "GOAWAY").map(({ code }) => code);
}

describe("the credit of the link that a peer has", () => {
  // Of 1 MiB, 65,408 bytes are left after these.
  const most = [syn(1), ...times(15, () => data(1, 65_536))];

  it("may be used to the last byte, and no further", () => {
    expect(endOf(...most, data(1, 65_400))).toEqual([]);
    expect(endOf(...most, data(1, 65_401))).toEqual([3]);
  });

  it("counts the type of a stream once", () => {
    expect(endOf(...most, typed(syn(3, 65_396)))).toEqual([]);
    expect(endOf(...most, typed(syn(3, 65_397)))).toEqual([3]);
  });

  it("is not needed by a frame without payload", () => {
    expect(endOf(...most, data(1, 65_400), syn(3), typed(syn(5)), fin(1))).toEqual([]);
  });
});

describe("the credit of the link that the peer gave", () => {
  it("is used to the last byte, and no further", async () => {
    const peer = await started({ role: "client" }, { initialWindow: 4 * MiB });
    void peer.session.open().write(new Uint8Array(3 * MiB));
    await peer.listen();
    expect(peer.session.stats().sentBytes).toBe(MiB);
    // A header alone would be of no use.
    expect(await peer.say(link(0, MiB + 8))).toEqual([]);
    expect(await peer.say(link(0, MiB + 9))).toEqual([data(1, 1)]);
  });

  it.each([
    [undefined, 8 + 5],
    [7, 8 + 4 + 5],
  ])("bounds what goes with a SYN, whose type is %s", async (type, left) => {
    const peer = await started({ role: "client" }, { initialWindow: 4 * MiB });
    const bulk = peer.session.open();
    void bulk.write(new Uint8Array(1_000_000));
    await peer.listen();
    void bulk.write(new Uint8Array(peer.session.stats().linkCredit - 8 - left));
    await peer.listen();
    expect(peer.session.stats().linkCredit).toBe(left);
    void peer.session.open(type === undefined ? {} : { type }).write(bytes("0123456789"));
    expect(only(await peer.listen(), "DATA")).toMatchObject([{ streamId: 3, payload: "3031323334" }]);
    expect(peer.session.stats().linkCredit).toBe(0);
  });
});

describe("a LINK", () => {
  const bulk = [syn(1), ...times(8, () => data(1, 65_536))];

  it("goes with a PING while the window may still grow, which the round trip decides", async () => {
    const growing = await started({ role: "server", initialWindow: 2 * MiB, linkWindow: MiB, maxLinkWindow: MiB + 1 });
    expect((await growing.say(...bulk)).map(({ type }) => type)).toEqual(["LINK", "PING"]);
    const grown = await started({ role: "server", initialWindow: 2 * MiB, linkWindow: MiB, maxLinkWindow: MiB });
    expect((await grown.say(...bulk)).map(({ type }) => type)).toEqual(["LINK"]);
  });

  it("is not sent for a quarter of the window alone: that bytes lie unread is no reason to send", async () => {
    const peer = await started({ role: "server", initialWindow: 2 * MiB, maxLinkWindow: MiB });
    await peer.say(syn(1));
    await peer.session.accept();
    await peer.listen();
    expect(await peer.say(...times(5, () => data(1, 65_536)))).toEqual([]);
    void peer.session.ping();
    expect((await peer.listen()).map(({ type }) => type)).toEqual(["PING", "LINK"]);
  });
});

describe("the credit of a stream", () => {
  it("counts its type's four bytes among those to return", async () => {
    const peer = await started({ role: "server" });
    await peer.say(typed(syn(1, 65_532)), data(1, 65_536));
    const stream = await peer.session.accept();
    while (stream.tryRead() instanceof Uint8Array);
    expect(told(await peer.listen())).toContainEqual(credit(1, 131_072));
  });
});
