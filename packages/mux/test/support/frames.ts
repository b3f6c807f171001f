import { Flag, type Settings, SETTINGS_FLOOR } from "@astranet/frame";
import type { SessionOptions } from "@astranet/mux";
import type { Frame } from "../../../frame/test/support/frames.ts";
import { fromHex, toHex } from "../../../frame/test/support/hex.ts";
import { RawPeer } from "./raw-peer.ts";

// Frames of the wire 'astranet' in few words, for tests that speak them by hand. A payload is a text, or so many zeros.

/** A SETTINGS at the floors. */
export function settings(more: Partial<Settings> = {}): Frame {
  return { type: "SETTINGS", ...SETTINGS_FLOOR, features: 1, ...more };
}

export function data(streamId: number, payload: string | number = "", flags = 0): Frame {
  return { type: "DATA", streamId, flags, payload: hexOf(payload) };
}

export function syn(streamId: number, payload: string | number = "", flags = 0): Frame {
  return data(streamId, payload, flags | Flag.SYN);
}

export function fin(streamId: number, payload: string | number = ""): Frame {
  return data(streamId, payload, Flag.FIN);
}

export function rst(streamId: number, code: number, flags = 0): Frame {
  return { type: "RST", streamId, code, flags };
}

export function stop(streamId: number, code = 6): Frame {
  return { type: "STOP", streamId, code };
}

export function credit(streamId: number, increment: number): Frame {
  return { type: "WNDINC", streamId, increment };
}

export function ping(number: number, ack = false): Frame {
  return { type: "PING", ack, opaque: number.toString(16).padStart(16, "0") };
}

export function accepted(streamId: number, header = ""): Frame {
  return { type: "ACCEPT", streamId, header: hexOf(header) };
}

export function opening(streamId: number, urgency = 3, header: string | number = ""): Frame {
  return { type: "OPEN", streamId, update: false, urgency, header: hexOf(header) };
}

export function goAway(lastStreamId: number, code = 0, debug: string | number = ""): Frame {
  return { type: "GOAWAY", lastStreamId, code, debug: hexOf(debug) };
}

export function link(received: number, limit: number): Frame {
  return { type: "LINK", received, limit };
}

/** A frame of a type that nobody knows yet. */
export function unknown(frameType: number, length = 0): Uint8Array {
  const bytes = new Uint8Array(8 + length);
  bytes.set([length >>> 16, length >>> 8, length, frameType << 4]);
  return bytes;
}

/** The payloads that came on a stream, as one text. */
export function textOf(frames: readonly Frame[], streamId: number): string {
  return new TextDecoder().decode(fromHex(frames.map((frame) => (frame.type === "DATA" && frame.streamId === streamId ? frame.payload : "")).join("")));
}

/** How many bytes came on a stream. */
export function lengthOf(frames: readonly Frame[], streamId: number): number {
  return frames.reduce((sum, frame) => sum + (frame.type === "DATA" && frame.streamId === streamId ? frame.payload.length / 2 : 0), 0);
}

/** The frames without those that keep a session going: SETTINGS, PING and LINK. */
export function told(frames: readonly Frame[]): Frame[] {
  return frames.filter(({ type }) => type !== "SETTINGS" && type !== "PING" && type !== "LINK");
}

export function only<T extends Frame["type"]>(frames: readonly Frame[], type: T): Extract<Frame, { type: T }>[] {
  return frames.filter((frame): frame is Extract<Frame, { type: T }> => frame.type === type);
}

/** A session whose peer is a test, with both SETTINGS exchanged. */
export async function started(options: SessionOptions, more: Partial<Settings> = {}): Promise<RawPeer> {
  const peer = new RawPeer(options);
  await peer.say(settings(more));
  return peer;
}

export function text(bytes: Uint8Array | null | undefined): string | null | undefined {
  return bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : bytes;
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function hexOf(payload: string | number): string {
  return typeof payload === "number" ? "00".repeat(payload) : toHex(bytes(payload));
}
