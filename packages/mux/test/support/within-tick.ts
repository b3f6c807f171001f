import { Session, type Stream } from "@astranet/mux";
import type { Frame } from "../../../frame/test/support/frames.ts";
import { settings, told } from "./frames.ts";
import { HeldConnection } from "./held-connection.ts";
import { ManualClock } from "./manual-clock.ts";

/** A client with one stream, whose peer's frames come before what is said within the tick leaves. */
export async function withinTick(): Promise<{ connection: HeldConnection; session: Session; stream: Stream; rest: () => Promise<Frame[]> }> {
  const connection = new HeldConnection();
  const clock = new ManualClock();
  const session = new Session(connection, { role: "client", clock, keepAlive: false });
  connection.give(settings());
  const stream = session.open();
  await clock.settle();
  const before = connection.frames.length;
  const rest = async (): Promise<Frame[]> => {
    await clock.settle();
    return told(connection.frames.slice(before));
  };
  return { connection, session, stream, rest };
}
