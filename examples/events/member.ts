import { copy, pipe, type Sender } from "@astranet/channel";
import type { RoomEvent } from "./messages.ts";

/** Events that may wait for one member, besides those that its stream's window holds. */
const CAPACITY = 100;

/** One who hears what happens in a room. It is told at once or dropped: nobody waits for it. */
export class Member {
  readonly #waiting = pipe<RoomEvent>({ capacity: CAPACITY });
  readonly #everybody: Sender<RoomEvent>;
  #why: string | undefined;

  /** `ongone` is called when nothing can be told any more. */
  constructor(everybody: Sender<RoomEvent>, ongone: () => void) {
    this.#everybody = everybody;
    copy(everybody, this.#waiting.receiver).catch(ongone);
  }

  tell(event: RoomEvent): void {
    if (this.#why !== undefined) return;
    try {
      if (!this.#waiting.sender.trySend(event)) this.#drop(`dropped: ${CAPACITY} events wait, and none is read`);
    } catch {
      // It has gone, and the room will hear of it.
    }
  }

  /** Gives the reason, where it was dropped. */
  leave(): string | undefined {
    void this.#waiting.sender.close();
    return this.#why;
  }

  #drop(why: string): void {
    this.#why = why;
    // What waits is of no use any more; the reason overtakes it.
    this.#everybody.abort(new Error(why));
  }
}
