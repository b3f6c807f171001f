import { muxado as muxadoWire, type MuxadoOptions, type SessionOptions } from "@astranet/mux";
import { expect } from "vitest";
import type { Frame } from "../../../frame/test/support/frames.ts";
import { RawPeer } from "./raw-peer.ts";

export const FIN = 1;
export const SYN = 2;
export const WINDOW = 262_144;

export const data = (streamId: number, payload = "", flags = 0): Frame => ({ type: "DATA", streamId, flags, payload });
export const syn = (streamId: number, payload = ""): Frame => data(streamId, payload, SYN);
export const fin = (streamId: number): Frame => data(streamId, "", FIN);
export const rst = (streamId: number, code: number): Frame => ({ type: "RST", streamId, flags: 0, code });
export const credit = (streamId: number, increment: number): Frame => ({ type: "WNDINC", streamId, increment });
export const goAway = (lastStreamId: number, code = 0, debug = ""): Frame => ({ type: "GOAWAY", lastStreamId, code, debug });

export type Options = MuxadoOptions & Partial<SessionOptions>;

export function muxado(role: SessionOptions["role"], { typedStreams, window, random, ...options }: Options = {}): RawPeer {
  const given = Object.entries({ typedStreams, window, random }).filter(([, value]) => value !== undefined);
  return new RawPeer({ wire: muxadoWire(Object.fromEntries(given)), role, keepAlive: false, ...options });
}

/** The DATA that the frames carry on one stream, as hex. */
export function payloadOf(frames: readonly Frame[], streamId: number): string {
  return frames.map((frame) => (frame.type === "DATA" && frame.streamId === streamId ? frame.payload : "")).join("");
}

export function dataLength(frames: readonly Frame[], streamId: number): number {
  return payloadOf(frames, streamId).length / 2;
}

/** What any muxado peer, Go's and Rust's, takes: demanded of everything that a session of ours says. */
export function expectMuxadoManners(frames: readonly Frame[]): void {
  const opened = new Set<number>();
  frames.forEach((frame, index) => {
    expect(["DATA", "RST", "WNDINC", "GOAWAY"]).toContain(frame.type);
    if (frame.type === "GOAWAY") expect(index, "GOAWAY is the last frame").toBe(frames.length - 1);
    else expect((frame as { streamId: number }).streamId).toBeGreaterThan(0);
    if (frame.type === "RST") expect(frame.flags).toBe(0);
    if (frame.type === "WNDINC") expect(frame.increment).toBeGreaterThan(0);
    if (frame.type !== "DATA") return;
    expect([0, FIN, SYN], `the flags of DATA on stream ${frame.streamId}`).toContain(frame.flags);
    if (frame.flags !== SYN) return;
    expect(opened.has(frame.streamId), `SYN of stream ${frame.streamId} comes once`).toBe(false);
    opened.add(frame.streamId);
  });
}
