export { FrameDecoder, type FrameDecoderOptions } from "./decoder.ts";
export { FrameEncoder } from "./encoder.ts";
export { FIRST_APPLICATION_CODE, WireCode } from "./error-code.ts";
export { FrameError } from "./frame-error.ts";
export { Flag, FrameType } from "./frame-type.ts";
export type { FrameHandler } from "./handler.ts";
export {
  DEFAULT_MAX_GOAWAY_DEBUG,
  DEFAULT_MAX_HEADER,
  HEADER_LENGTH,
  MAX_DATA_LENGTH,
  MAX_LENGTH,
  MAX_REASON_LENGTH,
  MAX_SETTINGS_LENGTH,
  MAX_STREAM_ID,
  MAX_UNKNOWN_LENGTH,
  MAX_WINDOW,
} from "./limits.ts";
export { decodeSettings, encodeSettings, PROTOCOL_VERSION, type Settings, SETTINGS_FLOOR } from "./settings.ts";
