import { AstraError } from "@astranet/transport";
import type { EndWriter } from "../message/codec.ts";
import { isEnd, kindOf, type End, type EndKind } from "../message/kinds.ts";
import { checkOwned, noteIn, toMove } from "../message/moved-ends.ts";
import { Parcel } from "../message/parcel.ts";
import { explained, Unsupported } from "../message/unsupported.ts";
import { varintBytes } from "../message/varint.ts";
import type { Item } from "../queue/item.ts";
import type { ChannelHost } from "./host.ts";
import { frameRoom, none } from "./message-frame.ts";

/** The bytes of a message, and the ends that travel beside them. */
export class EncodedMessage {
  /** Behind `room` bytes for its frame. */
  readonly payload: Uint8Array;
  readonly room: number;
  readonly ends: readonly End[];
  readonly kinds: readonly EndKind[];

  constructor(payload: Uint8Array, room: number, ends: readonly End[], kinds: readonly EndKind[]) {
    this.payload = payload;
    this.room = room;
    this.ends = ends;
    this.kinds = kinds;
  }
}

/** Throws EINVAL for what the codec has no bytes for, EMSGSIZE, and ERR_ASTRANET_INVALID_STATE for an end that is not the caller's any more. */
export function encodeNow({ codec, limits }: ChannelHost, message: unknown): EncodedMessage {
  if (message instanceof EncodedMessage) return message;
  const table = new EndTable(limits.maxReferences);
  const room = codec.encodeBehind === undefined ? 0 : frameRoom;
  let payload: Uint8Array;
  try {
    payload = codec.encodeBehind?.(room, message, table) ?? codec.encode(message, table);
  } catch (error) {
    throw explained(error, message);
  }
  // With what is before it, as the peer counts: an end takes at most eight bytes there.
  const length = payload.length - room + varintBytes(table.ends.length) + 8 * table.ends.length;
  if (length > limits.maxMessageBytes) throw new AstraError("EMSGSIZE", `a message of ${length} bytes is too long: maxMessageBytes is ${limits.maxMessageBytes}`);
  return new EncodedMessage(payload, room, table.ends, table.kinds);
}

/** The same for a message that has to wait: its ends are not the caller's any more. */
export function encodeForLater(host: ChannelHost, message: unknown): Item {
  const { payload, room, ends, kinds } = encodeNow(host, message);
  const moved = ends.map((end, i) => toMove(end, kinds[i]!));
  return new Parcel(new EncodedMessage(payload, room, moved.map(({ fresh }) => fresh), kinds), moved);
}

/** The ends of a message that is being encoded. */
class EndTable implements EndWriter {
  // Most messages have none.
  ends: End[] = none as never[];
  kinds: EndKind[] = none as never[];
  readonly #most: number;
  #seen: Set<object> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  add(end: End): number {
    const kind = typeof end === "object" && (end as End | null) !== null ? kindOf(end) : undefined;
    if (kind === undefined || !isEnd(kind)) throw new Unsupported(end, "is neither a Sender, nor a Receiver, nor a byte stream");
    if (this.#seen === undefined) {
      this.#seen = new Set();
      this.ends = [];
      this.kinds = [];
    }
    noteIn(this.#seen, end, kind);
    checkOwned(end, kind);
    if (this.ends.length >= this.#most) throw new AstraError("EINVAL", `the message has more channels and byte streams than maxReferences, ${this.#most}`);
    this.kinds.push(kind);
    return this.ends.push(end) - 1;
  }
}
