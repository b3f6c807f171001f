import { MAX_WINDOW, SETTINGS_FLOOR } from "@astranet/frame";
import { type RandomSource, systemRandom } from "@astranet/transport";
import { checkInteger, invalid } from "../session/options.ts";
import type { Session } from "../session/session.ts";
import { UNTYPED } from "../stream/state.ts";
import type { Wire } from "../wire/wire.ts";
import { Heartbeat } from "./heartbeat.ts";
import { MuxadoEncoder } from "./muxado-encoder.ts";
import { MuxadoReceiver } from "./muxado-receiver.ts";

/** What muxado's wire takes. */
export interface MuxadoOptions {
  /** The first four bytes of each stream are its type, and heartbeats are sent and answered. Default false. */
  readonly typedStreams?: boolean;
  /** The fixed window of a stream, in bytes, where the peer is configured otherwise. Default 262,144. */
  readonly window?: number;
  /** Where the bytes of heartbeats come from. Default: the system's. */
  readonly random?: RandomSource;
}

interface Resolved {
  readonly typedStreams: boolean;
  readonly window: number;
  readonly random: RandomSource;
}

/** The wire of Go's and Rust's muxado v2. Throws EINVAL that names a wrong option. */
export function muxado(options: MuxadoOptions = {}): Wire {
  const resolved = resolveMuxado(options);
  return {
    name: "muxado",
    _begin(session) {
      becomeMuxado(session, resolved);
    },
  };
}

export function resolveMuxado({ typedStreams = false, window = 262_144, random = systemRandom }: MuxadoOptions): Resolved {
  return { typedStreams, window: checkInteger("window", window, 1, MAX_WINDOW), random };
}

/** From now on the session speaks muxado's wire. */
export function becomeMuxado(session: Session, { typedStreams, window, random }: Resolved): void {
  const { _sender: sender, _options: options } = session;
  session._extended = false;
  session._canSend = true;
  session._recognise = undefined;
  session._recvWindow = window;
  session._peer = { ...SETTINGS_FLOOR, initialWindow: window, maxStreams: Infinity };
  sender.linkLimit = Infinity;
  sender.encoder = new MuxadoEncoder();
  session._receiver = new MuxadoReceiver(session);
  // muxado's own clients begin at 3.
  if (options.role === "client") session._ids.beginAt(3);
  sender.forUnsent((stream) => {
    stream._sendWindow = stream._recvWindow = window;
  });
  session._checkOpen = ({ type, header }) => {
    if (type !== undefined && !typedStreams) throw invalid("the wire 'muxado' has types only with typedStreams");
    if (header !== undefined && header.length > 0) throw invalid("the wire 'muxado' has no headers");
  };
  session._ask = undefined;
  if (typedStreams) {
    session._noType = 0;
    session._incomingState |= UNTYPED;
    const heartbeat = new Heartbeat(session, random);
    session._ask = () => {
      heartbeat.ask();
    };
    // Without typed streams there is nothing to ask a silent peer with.
    session._keepAlive.watch(options.idleTimeoutMs);
  }
  sender.schedule();
}
