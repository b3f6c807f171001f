import type { Stream } from "@astranet/mux";
import type { Codec } from "../message/codec.ts";
import type { ChannelLimits } from "./limits.ts";
import type { References } from "./references.ts";

/** What the channels of one session share. */
export interface ChannelHost {
  readonly codec: Codec;
  readonly limits: ChannelLimits;
  readonly references: References;
  /** Opens a stream, as all of them are opened. Throws as `session.open` does. */
  openStream(): Stream;
  /** Counts bytes of long messages. Throws ERR_ASTRANET_OVERLOAD where they are too many, and then they are not counted. */
  holdPartial(bytes: number): void;
  releasePartial(bytes: number): void;
}
