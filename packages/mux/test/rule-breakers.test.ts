import { Flag } from "@astranet/frame";
import { Session, type SessionOptions } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { fromHex } from "../../frame/test/support/hex.ts";
import { credit, data, fin, only, opening, ping, settings, started, syn, text, unknown } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { outcome } from "./support/session-pair.ts";

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

describe("who breaks a rule", () => {
  it.each<[words: string, said: (Frame | Uint8Array)[], options?: Omit<SessionOptions, "role">]>([
    ["more than 3 empty DATA frames in a row", [syn(1), ...times(4, () => data(1))], { maxEmptyFrames: 3 }],
    ["more than 2 PINGs in a second", times(3, ping), { maxPingsPerSecond: 2 }],
    ["too many frames of unknown type 12", [unknown(12), unknown(12)], { maxUnknownFramesPerSecond: 1 }],
    ["a second SETTINGS", [settings()]],
    ["WNDINC takes the window of stream 1 beyond 2^31 − 1", [syn(1), credit(1, 0x7fff_ffff)]],
    ["OPEN of stream 1 without its SYN", [opening(1), ping(1)]],
    ["OPEN of stream 3 before the SYN of 5", [opening(3), syn(5)]],
    ["DATA on stream 1 after its FIN", [syn(1, "x", Flag.FIN), data(1, "y")]],
    ["DATA of 7 bytes on stream 1, whose window is 4", [syn(1, 65_532), data(1, 7)], { initialWindow: 65_536 }],
    ["SYN with id 1 after 3", [syn(3), syn(1)]],
    ["a frame for stream 5, which was never opened", [syn(3), fin(5)]],
    ["a frame for stream 2, which was never opened", [fin(2)]],
  ])("is told: %s", async (words, said, options = {}) => {
    const peer = await started({ role: "server", ...options });
    const [goAway] = only(await peer.say(...said), "GOAWAY");
    expect(text(fromHex(goAway?.debug ?? ""))).toBe(words);
    expect(String((await outcome(peer.session.closed))[1])).toContain(words);
  });

  it("is told: DATA beyond the link's window", () => {
    const connection = new HeldConnection();
    new Session(connection, { role: "server", initialWindow: 2 ** 21, clock: new ManualClock() });
    // Credit is granted as chunks come, so only what comes in one chunk can be too much.
    connection.give(settings(), syn(1), ...times(16, () => data(1, 65_536)));
    expect(only(connection.frames, "GOAWAY").map(({ debug }) => text(fromHex(debug)))).toEqual(["DATA beyond the link's window"]);
  });
});
