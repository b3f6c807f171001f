import type { Process } from "../time/process.ts";
import { hashBytes } from "../trace.ts";
import type { Network } from "./network.ts";
import type { Path, PathConditions } from "./path.ts";

/** What travels: bytes, the end of a direction, or the news that the other end is no more. */
export type Item = Uint8Array | "fin" | "rst";

/** Where a lane ends, or begins. */
export interface LaneEnd {
  readonly process: Process;
  /** For the trace. */
  readonly label: string;
  /** Whether somebody there still knows of the connection. */
  readonly gone: boolean;
  /** Something has arrived; the end's process handles it. */
  arrived(item: Item): void;
  /** Something came in for a connection that is gone: the kernel answers. */
  stray(): void;
  /** The other end's kernel has everything, its end included. */
  flushed(): void;
  /** There is room again. */
  drained(): void;
}

interface Entry {
  readonly item: Item;
  /** Its place in the order, once it has left; then it is sent again until it has arrived. */
  readonly number: number | undefined;
}

interface Numbered extends Entry {
  readonly number: number;
}

/** What may be under way or unread at the far end: the windows of TCP. */
const windowBytes = 1_048_576;

/** See `Connection.send`. */
const highWaterBytes = 131_072;

/** Pieces on a slow wire: what leaves within a millisecond, at least a packet. */
function pieceBytes(bytesPerSecond: number): number {
  return Math.max(1024, Math.ceil(bytesPerSecond / 1000));
}

/** One direction of a connection between two processes: what was sent arrives once, in order, later. */
export class Lane {
  readonly #network: Network;
  readonly #path: Path;
  #from: LaneEnd | undefined;
  #to: LaneEnd | undefined;
  #queue: Entry[] = [];
  #sent = 0;
  #expected = 0;
  /** Bytes that it was given, ever. */
  sentBytes = 0;
  #queuedBytes = 0;
  /** Sent, and not yet read by the process at the far end. */
  #unreadBytes = 0;
  #lastArrival = 0;
  #departing = false;
  #owesDrain = false;
  #stalled = false;
  readonly #wake = (): void => this.#pump();

  constructor(network: Network, path: Path) {
    this.#network = network;
    this.#path = path;
  }

  join(from: LaneEnd, to: LaneEnd): void {
    this.#from = from;
    this.#to = to;
  }

  /** This connection alone stands still in this direction, silently; what was sent waits. */
  set stalled(stalled: boolean) {
    const by = Number(stalled) - Number(this.#stalled);
    this.#stalled = stalled;
    this.#path.stall(by);
    if (!stalled) this.#pump();
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    if (length > 0) {
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      this.#queue.push({ item: bytes, number: undefined });
      this.#queuedBytes += length;
      this.sentBytes += length;
      this.#pump();
    }
    if (this.#queuedBytes <= highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  end(): void {
    this.#queue.push({ item: "fin", number: undefined });
    this.#pump();
  }

  /** What has not left is dropped; the far end is told. */
  reset(): void {
    this.drop();
    this.#queue.push({ item: "rst", number: undefined });
    this.#pump();
  }

  /** What has not left is dropped, and nobody is told. */
  drop(): void {
    // What was under way once stays so: the rest of the order waits for it.
    this.#queue = this.#queue.filter(({ number }) => number !== undefined);
    this.#queuedBytes = 0;
    this.#owesDrain = false;
  }

  /** The far end has read so much. */
  read(bytes: number): void {
    this.#unreadBytes -= bytes;
    if (this.#queue.length > 0) this.#pump();
  }

  #pump(): void {
    const { timeline, trace } = this.#network;
    while (!this.#departing && this.#queue.length > 0 && !this.#stalled) {
      const { conditions, to } = this.#path;
      if (conditions.blocked) {
        this.#path.whenOpen(this.#wake);
        return;
      }
      if (this.#network.isDown(to)) {
        this.#network.whenUp(to, this.#wake);
        return;
      }
      if (typeof this.#queue[0]!.item !== "string" && this.#unreadBytes >= windowBytes) return;
      const entry = this.#take(conditions);
      const { item } = entry;
      const length = typeof item === "string" ? 0 : item.length;
      const leavesAt = Math.max(timeline.now, this.#path.freeAt) + (length * 1000) / conditions.bytesPerSecond;
      this.#path.freeAt = leavesAt;
      const jitter = conditions.jitterMs === 0 ? 0 : this.#network.random.between(0, conditions.jitterMs);
      const arrivesAt = Math.max(this.#lastArrival, leavesAt + conditions.latencyMs + jitter);
      this.#lastArrival = arrivesAt;
      this.#unreadBytes += length;
      timeline.at(arrivesAt, undefined, "wire", () => this.#arrive(entry));
      if (typeof item !== "string") trace.add(timeline.now, this.#from!.label, "sends", hashBytes(item));
      if (leavesAt > timeline.now) {
        this.#departing = true;
        timeline.at(leavesAt, undefined, "wire", () => {
          this.#departing = false;
          this.#left(length);
          this.#pump();
        });
      } else this.#left(length);
    }
  }

  /** The next piece, numbered. */
  #take({ bytesPerSecond, sliceBytes }: PathConditions): Numbered {
    const { item, number } = this.#queue.shift()!;
    if (number !== undefined) return { item, number };
    const limit = bytesPerSecond === Number.POSITIVE_INFINITY ? sliceBytes : Math.min(sliceBytes, pieceBytes(bytesPerSecond));
    if (typeof item === "string" || item.length <= limit) return { item, number: this.#sent++ };
    this.#queue.unshift({ item: item.subarray(limit), number: undefined });
    return { item: item.slice(0, limit), number: this.#sent++ };
  }

  #left(length: number): void {
    this.#queuedBytes = Math.max(0, this.#queuedBytes - length);
    if (!this.#owesDrain || this.#queuedBytes > 0) return;
    this.#owesDrain = false;
    const from = this.#from!;
    // Never within the `send` that made the room.
    this.#network.timeline.defer(from.process, () => from.drained());
  }

  #arrive(entry: Numbered): void {
    const { item, number } = entry;
    const to = this.#to!;
    const { timeline, trace } = this.#network;
    if (this.#network.isDown(this.#path.to) || number !== this.#expected) {
      this.#again(entry);
      return;
    }
    this.#expected += 1;
    if (typeof item === "string") trace.add(timeline.now, to.label, item);
    if (item === "fin") this.#from!.flushed();
    if (!to.gone) to.process.run(() => to.arrived(item));
    else if (item !== "rst") to.stray();
  }

  /** It was lost, or one before it: its sender has to send it again. */
  #again(entry: Numbered): void {
    const { item, number } = entry;
    const at = this.#queue.findIndex((other) => other.number === undefined || other.number > number);
    this.#queue.splice(at === -1 ? this.#queue.length : at, 0, entry);
    if (typeof item !== "string") {
      this.#queuedBytes += item.length;
      this.#unreadBytes -= item.length;
    }
    this.#pump();
  }
}
