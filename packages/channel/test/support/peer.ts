import { Channels, type ChannelsOptions } from "@astranet/channel";
import { Session, type Stream } from "@astranet/mux";
import { memoryPair, type Clock } from "@astranet/transport";
import { VirtualClock } from "../../../router/test/support/virtual-clock.ts";

/** A side that says on its streams what a test wants, and what Channels at the other end make of it. */
export interface RawPeer {
  readonly channels: Channels;
  readonly raw: Session;
  /** Opens a stream with these bytes. */
  open(...bytes: (number | Uint8Array)[]): Stream;
  end(): void;
}

export function bytes(...parts: (number | Uint8Array)[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce<number>((sum, part) => sum + (typeof part === "number" ? 1 : part.length), 0));
  let at = 0;
  for (const part of parts) {
    if (typeof part === "number") whole[at++] = part;
    else {
      whole.set(part, at);
      at += part.length;
    }
  }
  return whole;
}

/** What opens a channel of msgpack. */
export const preface: Uint8Array = bytes(0, 1, 7, new TextEncoder().encode("msgpack"));

export function rawPeer(options: ChannelsOptions = {}, clock?: Clock): RawPeer {
  const [here, there] = memoryPair(clock === undefined ? {} : { clock });
  const raw = new Session(there, { role: "client", ...(clock === undefined ? {} : { clock }), keepAlive: false });
  const channels = new Channels(here, { role: "server", ...options, ...(clock === undefined ? {} : { clock }), session: { keepAlive: false } });
  return {
    channels,
    raw,
    open: (...parts) => {
      const stream = raw.open();
      void stream.write(bytes(...parts));
      return stream;
    },
    end: () => {
      raw.abort();
      channels.abort();
    },
  };
}

/** With virtual time: whatever comes, comes now. */
export function begin(options: ChannelsOptions = {}): RawPeer & { clock: VirtualClock } {
  const clock = new VirtualClock();
  return { ...rawPeer(options, clock), clock };
}

/** A message of these bytes of msgpack, and references (kind, id). */
export function message(payload: Uint8Array, ...references: [kind: number, id: number][]): Uint8Array {
  const body = bytes(references.length, ...references.flat(), payload);
  const length: number[] = [];
  for (let left = body.length; ; left = Math.floor(left / 128)) {
    length.push(left < 128 ? left : (left & 127) | 128);
    if (left < 128) break;
  }
  return bytes(...length, body);
}
