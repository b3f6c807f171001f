import { FrameDecoder, type FrameDecoderOptions, FrameEncoder, FrameError, type FrameHandler, type Settings } from "@astranet/frame";
import { concat, fromHex, toHex } from "./hex.ts";

/** A frame as plain data, the same in the vectors and in the tests. Bytes are hex; 64-bit values are 16 hex digits. */
export type Frame =
  | { readonly type: "DATA"; readonly streamId: number; readonly flags: number; readonly streamType?: number; readonly payload: string }
  | { readonly type: "RST"; readonly streamId: number; readonly flags: number; readonly code: number }
  | { readonly type: "WNDINC"; readonly streamId: number; readonly increment: number }
  | { readonly type: "GOAWAY"; readonly lastStreamId: number; readonly code: number; readonly debug: string }
  | ({ readonly type: "SETTINGS" } & Settings)
  | { readonly type: "PING"; readonly ack: boolean; readonly opaque: string }
  | { readonly type: "OPEN"; readonly streamId: number; readonly update: boolean; readonly urgency: number; readonly header: string }
  | { readonly type: "ACCEPT"; readonly streamId: number; readonly header: string }
  | { readonly type: "STOP"; readonly streamId: number; readonly code: number }
  | { readonly type: "LINK"; readonly received: number; readonly limit: number }
  | { readonly type: "REASON"; readonly streamId: number; readonly code: number; readonly nodeId: string; readonly text: string }
  | { readonly type: "SKIPPED"; readonly frameType: number; readonly length: number };

export function encodeFrame(encoder: FrameEncoder, frame: Frame): void {
  switch (frame.type) {
    case "DATA": {
      const payload = fromHex(frame.payload);
      // The TYPED flag comes by itself with a type.
      encoder.data(frame.streamId, frame.flags & 3, payload.length, frame.streamType);
      encoder.payload(payload, 0, payload.length);
      break;
    }
    case "RST":
      encoder.rst(frame.streamId, frame.flags, frame.code);
      break;
    case "WNDINC":
      encoder.windowIncrement(frame.streamId, frame.increment);
      break;
    case "GOAWAY":
      encoder.goAway(frame.lastStreamId, frame.code, fromHex(frame.debug));
      break;
    case "SETTINGS":
      encoder.settings(frame);
      break;
    case "PING":
      encoder.ping(frame.ack, Number.parseInt(frame.opaque.slice(0, 8), 16), Number.parseInt(frame.opaque.slice(8), 16));
      break;
    case "OPEN":
      if (frame.update) encoder.urgency(frame.streamId, frame.urgency);
      else encoder.open(frame.streamId, frame.urgency, fromHex(frame.header));
      break;
    case "ACCEPT":
      encoder.accept(frame.streamId, fromHex(frame.header));
      break;
    case "STOP":
      encoder.stop(frame.streamId, frame.code);
      break;
    case "LINK":
      encoder.link(frame.received, frame.limit);
      break;
    case "REASON":
      encoder.reason(frame.streamId, frame.code, BigInt(`0x${frame.nodeId}`), frame.text);
      break;
    case "SKIPPED":
      throw new Error("the encoder knows no frames that are skipped");
  }
}

export function encode(frames: readonly Frame[]): { readonly bytes: Uint8Array; readonly counted: number; readonly length: number } {
  const encoder = new FrameEncoder();
  for (const frame of frames) encodeFrame(encoder, frame);
  const { counted, length } = encoder;
  return { bytes: concat(encoder.take()), counted, length };
}

/** Collects what a decoder says, and checks the order of its calls. */
export class Collector implements FrameHandler {
  readonly frames: Frame[] = [];
  /** Payload pieces in the order they came, as views of the chunks that held them. */
  readonly pieces: Uint8Array[] = [];
  #data: { streamId: number; flags: number; length: number; type: number; pieces: Uint8Array[] } | undefined;

  data(streamId: number, flags: number, length: number, type: number): void {
    this.#outsideData("data");
    this.#data = { streamId, flags, length, type, pieces: [] };
  }
  payload(chunk: Uint8Array, start: number, end: number): void {
    if (this.#data === undefined || end <= start || start < 0 || end > chunk.length) throw new Error(`payload of ${start} to ${end}`);
    const piece = chunk.subarray(start, end);
    this.pieces.push(piece);
    this.#data.pieces.push(piece.slice());
  }
  dataEnd(): void {
    const data = this.#data;
    if (data === undefined) throw new Error("dataEnd outside a DATA frame");
    this.#data = undefined;
    const payload = concat(data.pieces);
    if (payload.length + (data.type === -1 ? 0 : 4) !== data.length) throw new Error("payload is not as long as was said");
    const { streamId, flags } = data;
    this.frames.push({ type: "DATA", streamId, flags, ...(data.type === -1 ? {} : { streamType: data.type }), payload: toHex(payload) });
  }
  rst(streamId: number, flags: number, code: number): void {
    this.#push({ type: "RST", streamId, flags, code });
  }
  windowIncrement(streamId: number, increment: number): void {
    this.#push({ type: "WNDINC", streamId, increment });
  }
  goAway(lastStreamId: number, code: number, debug: Uint8Array): void {
    this.#push({ type: "GOAWAY", lastStreamId, code, debug: toHex(debug) });
  }
  settings(settings: Settings): void {
    this.#push({ type: "SETTINGS", ...settings });
  }
  ping(ack: boolean, high: number, low: number): void {
    this.#push({ type: "PING", ack, opaque: high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0") });
  }
  open(streamId: number, update: boolean, urgency: number, header: Uint8Array): void {
    this.#push({ type: "OPEN", streamId, update, urgency, header: toHex(header) });
  }
  accept(streamId: number, header: Uint8Array): void {
    this.#push({ type: "ACCEPT", streamId, header: toHex(header) });
  }
  stop(streamId: number, code: number): void {
    this.#push({ type: "STOP", streamId, code });
  }
  link(received: number, limit: number): void {
    this.#push({ type: "LINK", received, limit });
  }
  reason(streamId: number, code: number, nodeId: bigint, text: string): void {
    this.#push({ type: "REASON", streamId, code, nodeId: nodeId.toString(16).padStart(16, "0"), text });
  }
  skipped(frameType: number, length: number): void {
    this.#push({ type: "SKIPPED", frameType, length });
  }

  #push(frame: Frame): void {
    this.#outsideData(frame.type);
    this.frames.push(frame);
  }
  #outsideData(what: string): void {
    if (this.#data !== undefined) throw new Error(`${what} inside a DATA frame`);
  }
}

export interface Decoded {
  readonly frames: readonly Frame[];
  readonly pieces: readonly Uint8Array[];
  readonly counted: number;
  /** What the decoder held at most between two pushes. */
  readonly mostBuffered: number;
  readonly buffered: number;
  readonly error: FrameError | undefined;
}

/** Decodes `bytes`, cut before each of `cuts` (offsets, in any order). Anything but a FrameError goes through. */
export function decode(bytes: Uint8Array, options: FrameDecoderOptions = {}, cuts: readonly number[] = []): Decoded {
  const collector = new Collector();
  const decoder = new FrameDecoder(collector, options);
  let mostBuffered = 0;
  let error: FrameError | undefined;
  let start = 0;
  try {
    for (const cut of [...[...cuts].sort((a, b) => a - b), bytes.length]) {
      decoder.push(bytes.subarray(start, cut));
      mostBuffered = Math.max(mostBuffered, decoder.buffered);
      start = cut;
    }
  } catch (thrown) {
    if (!(thrown instanceof FrameError)) throw thrown;
    error = thrown;
  }
  const { frames, pieces } = collector;
  return { frames, pieces, counted: decoder.counted, mostBuffered, buffered: decoder.buffered, error };
}

/** Every cut there is: the bytes one by one. */
export function byteByByte(bytes: Uint8Array): number[] {
  return Array.from(bytes, (_, index) => index);
}
