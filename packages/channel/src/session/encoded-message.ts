import { AstraError } from "@astranet/transport";
import type { EndWriter } from "../message/codec.ts";
import { isEnd, kindOf, type End, type EndKind } from "../message/kinds.ts";
import { checkOwned, toMove } from "../message/moved-ends.ts";
import type { Travelling } from "../message/travelling.ts";
import { explained, Unsupported } from "../message/unsupported.ts";
import type { Item } from "../queue/item.ts";
import type { ChannelHost } from "./host.ts";

/** The bytes of a message, and the ends that travel beside them. */
export class EncodedMessage {
  readonly payload: Uint8Array;
  readonly ends: readonly End[];
  readonly kinds: readonly EndKind[];

  constructor(payload: Uint8Array, ends: readonly End[], kinds: readonly EndKind[]) {
    this.payload = payload;
    this.ends = ends;
    this.kinds = kinds;
  }
}

/** Throws EINVAL for what the codec has no bytes for, EMSGSIZE, and ERR_ASTRANET_INVALID_STATE for an end that is not the caller's any more. */
export function encodeNow({ codec, limits }: ChannelHost, message: unknown): EncodedMessage {
  if (message instanceof EncodedMessage) return message;
  const table = new EndTable(limits.maxReferences);
  let payload: Uint8Array;
  try {
    payload = codec.encode(message, table);
  } catch (error) {
    throw explained(error, message);
  }
  if (payload.length > limits.maxMessageBytes) throw new AstraError("EMSGSIZE", `a message of ${payload.length} bytes is too long: maxMessageBytes is ${limits.maxMessageBytes}`);
  return new EncodedMessage(payload, table.ends, table.kinds);
}

/** The same for a message that has to wait: its ends are not the caller's any more. */
export function encodeForLater(host: ChannelHost, message: unknown): Item {
  const { payload, ends, kinds } = encodeNow(host, message);
  const moved = ends.map((end, i) => toMove(end, kinds[i]!));
  for (const each of moved) each.move();
  return new WaitingMessage(new EncodedMessage(payload, moved.map(({ fresh }) => fresh), kinds), moved);
}

class WaitingMessage implements Item {
  readonly #message: EncodedMessage;
  readonly #moved: readonly Travelling[];

  constructor(message: EncodedMessage, moved: readonly Travelling[]) {
    this.#message = message;
    this.#moved = moved;
  }

  open(): unknown {
    return this.#message;
  }

  discard(): void {
    for (const each of this.#moved) each.discard();
  }

  restore(): void {
    for (const each of this.#moved) each.restore();
  }
}

/** The ends of a message that is being encoded. */
class EndTable implements EndWriter {
  readonly ends: End[] = [];
  readonly kinds: EndKind[] = [];
  readonly #most: number;
  readonly #seen = new Set<End>();

  constructor(most: number) {
    this.#most = most;
  }

  add(end: End): number {
    const kind = typeof end === "object" && (end as End | null) !== null ? kindOf(end) : undefined;
    if (kind === undefined || !isEnd(kind)) throw new Unsupported(end, "is neither a Sender, nor a Receiver, nor a byte stream");
    if (this.#seen.has(end)) throw new Unsupported(end, "is in the message twice");
    checkOwned(end, kind);
    if (this.ends.length >= this.#most) throw new AstraError("EINVAL", `the message has more channels and byte streams than maxReferences, ${this.#most}`);
    this.#seen.add(end);
    this.kinds.push(kind);
    return this.ends.push(end) - 1;
  }
}
