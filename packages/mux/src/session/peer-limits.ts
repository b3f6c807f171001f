import { type Settings, SETTINGS_FLOOR } from "@astranet/frame";

/** Feature bit 0: REASON frames are understood. */
export const FEATURE_REASON = 1;

/** What the peer allows: the floors until its SETTINGS came, which only ever add. */
export class PeerLimits {
  /** The peer's SETTINGS came. */
  settled = false;
  /** Bytes we may send on a new stream. */
  initialWindow: number = SETTINGS_FLOOR.initialWindow;
  /** Streams we may hold open. */
  maxStreams: number = SETTINGS_FLOOR.maxStreams;
  /** The longest header of an open or an accept. */
  maxHeader: number = SETTINGS_FLOOR.maxHeader;
  knowsReason = false;

  settle(settings: Settings): void {
    this.settled = true;
    this.initialWindow = settings.initialWindow;
    this.maxStreams = settings.maxStreams;
    this.maxHeader = settings.maxHeader;
    this.knowsReason = (settings.features & FEATURE_REASON) !== 0;
  }
}
