import { Member } from "./member.ts";
import type { Join, RoomEvent } from "./messages.ts";

/** Where everybody hears everything. */
export class Room {
  readonly #members = new Set<Member>();

  /** Resolves when the member has left, or was dropped. */
  async join({ name, said, everybody }: Join): Promise<void> {
    const member = new Member(everybody, () => said.cancel());
    this.#members.add(member);
    this.#tell({ kind: "joined", name });
    try {
      for await (const line of said) this.#tell({ kind: "said", name, line });
    } catch {
      // Its connection is gone.
    }
    this.#members.delete(member);
    const why = member.leave();
    this.#tell({ kind: "left", name, ...(why === undefined ? {} : { why }) });
  }

  #tell(event: RoomEvent): void {
    for (const member of this.#members) member.tell(event);
  }
}
