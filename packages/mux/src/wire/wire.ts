import type { Session } from "../session/session.ts";

/** A wire other than our own: what `muxado()` and `detect()` make, for a session's option `wire`. */
export interface Wire {
  readonly name: "muxado" | "detect";
  /** Says how the session speaks from now on, or how that will be known. Called once for each session, which has not sent or got a byte. @internal */
  _begin(session: Session): void;
}
