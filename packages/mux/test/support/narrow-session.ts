import { Session, type SessionOptions, type Stream } from "@astranet/mux";
import type { Settings } from "@astranet/frame";
import type { Frame } from "../../../frame/test/support/frames.ts";
import { settings } from "./frames.ts";
import { HeldConnection } from "./held-connection.ts";
import { ManualClock } from "./manual-clock.ts";

/** While it is narrow it says false to each send, so that each drain lets out one. */
export class NarrowConnection extends HeldConnection {
  isNarrow = true;

  override send(chunks: readonly Uint8Array[]): boolean {
    super.send(chunks);
    return !this.isNarrow;
  }
}

export interface NarrowSession {
  readonly connection: NarrowConnection;
  readonly clock: ManualClock;
  readonly session: Session;
  /** Lets out one gathered send, and gives the frames since the last call. */
  readonly next: () => Frame[];
  /** The frames since the last call. */
  readonly news: () => Frame[];
}

/** A client over a narrow connection, with windows that never end unless told otherwise. */
export async function narrow(options: Partial<SessionOptions> = {}, more: Partial<Settings> = {}): Promise<NarrowSession> {
  const connection = new NarrowConnection();
  const clock = new ManualClock();
  const session = new Session(connection, { role: "client", clock, keepAlive: false, ...options });
  connection.give(settings({ initialWindow: 2 ** 30, linkWindow: 2 ** 30, ...more }));
  await clock.settle();
  connection.drain();
  let seen = connection.frames.length;
  const news = (): Frame[] => {
    const frames = connection.frames.slice(seen);
    seen = connection.frames.length;
    return frames;
  };
  const next = (): Frame[] => {
    connection.drain();
    return news();
  };
  return { connection, clock, session, next, news };
}

export function opens(session: Session, count: number, options: { urgency?: number } = {}): Stream[] {
  return Array.from({ length: count }, () => session.open(options));
}
