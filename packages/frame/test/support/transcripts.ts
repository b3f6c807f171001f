import accept from "../../../mux/test/fixtures/muxado/accept.json" with { type: "json" };
import backlog from "../../../mux/test/fixtures/muxado/backlog.json" with { type: "json" };
import big from "../../../mux/test/fixtures/muxado/big.json" with { type: "json" };
import echo from "../../../mux/test/fixtures/muxado/echo.json" with { type: "json" };
import heartbeat from "../../../mux/test/fixtures/muxado/heartbeat.json" with { type: "json" };
import lateclose from "../../../mux/test/fixtures/muxado/lateclose.json" with { type: "json" };
import many from "../../../mux/test/fixtures/muxado/many.json" with { type: "json" };
import typed from "../../../mux/test/fixtures/muxado/typed.json" with { type: "json" };

/** A frame as the recording describes it; see the README beside the recordings. */
export interface RecordedFrame {
  readonly type: "DATA" | "RST" | "WNDINC" | "GOAWAY";
  readonly flags: number;
  readonly id: number;
  readonly length: number;
  /** Hex; only where it is at most 64 bytes. */
  readonly payload?: string;
  readonly code?: number;
  readonly increment?: number;
  readonly lastId?: number;
  /** Text. */
  readonly debug?: string;
}

export interface Transcript {
  readonly scenario: string;
  readonly clientToServer?: string;
  readonly serverToClient?: string;
  /** The first 40. */
  readonly clientFrames: readonly RecordedFrame[];
  readonly serverFrames: readonly RecordedFrame[];
  readonly clientBytes: number;
  readonly serverBytes: number;
}

export const transcripts: readonly Transcript[] = [accept, backlog, big, echo, heartbeat, lateclose, many, typed] as readonly unknown[] as readonly Transcript[];
