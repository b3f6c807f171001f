import { DEFAULT_MAX_GOAWAY_DEBUG, Flag, FrameType } from "@astranet/frame";
import { isSettings } from "../wire/first-bytes.ts";
import type { Wire } from "../wire/wire.ts";
import { becomeMuxado, type MuxadoOptions, resolveMuxado } from "./muxado.ts";

/**
 * For a server that serves both wires: it says nothing until the first four bytes of the peer have told which of them it speaks.
 * The options are for peers that speak muxado's.
 */
export function detect(options: MuxadoOptions = {}): Wire {
  const resolved = resolveMuxado(options);
  return {
    name: "detect",
    _begin(session) {
      session._recognise = (bytes) => {
        if (isSettings(bytes)) session._speakOwn();
        else if (isMuxado(bytes)) becomeMuxado(session, resolved);
        else return false;
        return true;
      };
    },
  };
}

/** Whether a muxado session can begin with these bytes: text never does. */
function isMuxado([a = 0, b = 0, c = 0, d = 0]: Uint8Array): boolean {
  const length = (a << 16) | (b << 8) | c;
  const flags = d & 15;
  switch (d >> 4) {
    case FrameType.DATA:
      return (flags & ~Flag.FIN) === Flag.SYN;
    case FrameType.RST:
    case FrameType.WNDINC:
      return length === 4 && flags === 0;
    case FrameType.GOAWAY:
      return length >= 8 && length <= 8 + DEFAULT_MAX_GOAWAY_DEBUG && flags === 0;
    default:
      return false;
  }
}
