import { Session, type Stream } from "@astranet/mux";
import { encodeSuites, pskFrom, secure, type Identity as Keys } from "@astranet/noise";
import { encodeRecord, recordKinds, type StoredRecord } from "@astranet/discovery";
import { toConnection, type Connection } from "@astranet/transport";
import type { SimNode } from "../node/sim-node.ts";
import { drawKeys } from "../node/secrets.ts";
import type { World } from "../world.ts";
import { Stranger } from "./stranger.ts";
import { helloMessage, idBytes, modes, packed, preamble, readyMessage, recordsMessage, streamTypes } from "./words.ts";

/** A circuit that came, and the header of its stream. */
export interface FalseCircuit {
  readonly stream: Stream;
  /** The ids on its path: who opened it first, the target last. */
  readonly path: readonly string[];
}

/** A member that knows the secret, is linked as any other, says of itself that it relays, and does with what comes what it likes. */
export class FalseRelay extends Stranger {
  /** What it does with a circuit. Default: nothing at all. */
  oncircuit: ((circuit: FalseCircuit) => void) | undefined;
  readonly #keys: Keys;
  readonly #psk: Uint8Array;
  readonly #sessions = new Map<string, { readonly session: Session; readonly control: Stream }>();
  #seq = 0;

  constructor(world: World, name: string, secret: string) {
    const { keys, id } = drawKeys(world.random.fork(`stranger/${name}/keys`));
    super(world, name, { id, key: keys.publicKey });
    this.#keys = keys;
    this.#psk = pskFrom(secret);
  }

  /** Links with a node, which has to be waited for. */
  async join(node: SimNode): Promise<void> {
    const connection = await this.#encrypted(node.address);
    const session = new Session(connection, { role: "client", manualAccept: true, clock: this.process, onstream: (stream) => this.#incoming(stream) });
    session.closed.catch(() => undefined);
    const control = session.open({ type: streamTypes.control, urgency: 0 });
    void control.write(helloMessage(this.speaker, "router", ""));
    // Its HELLO. What else it has to say is of no interest, and read so that it may say it.
    await control.read();
    void control.write(readyMessage);
    void this.#readOn(control);
    this.#sessions.set(node.id, { session, control });
  }

  /** Tells its neighbours that it relays, and has a link with each of these. */
  claim(neighbours: readonly SimNode[]): void {
    this.#seq += 1;
    const own = { origin: this.id, incarnation: 1n, seq: this.#seq, flags: 0 };
    this.tell({ ...own, slot: recordKinds.node << 8, payload: packed({ role: "router", relay: true, key: this.key }) });
    this.tell({ ...own, slot: recordKinds.adjacency << 8, payload: adjacencyOf(neighbours.map(({ id }) => id)) });
  }

  /** In the name of `node`: that it has links with these, and this one. */
  forgeLinks(node: SimNode, neighbours: readonly string[]): void {
    const slot = recordKinds.adjacency << 8;
    const known = node.running.store.get(node.id, slot)!;
    this.tell({ ...known, seq: known.seq + 1, payload: adjacencyOf([...neighbours, this.id]) });
  }

  /** Tells all its neighbours a record. */
  tell(record: StoredRecord): void {
    this.world.allow(record);
    for (const { control } of this.#sessions.values()) void control.write(recordsMessage(encodeRecord(record)));
  }

  /** Carries a circuit on as an honest relay does, except that `change` decides what becomes of each piece that its opener sends. */
  carry({ stream, path }: FalseCircuit, change: (chunk: Uint8Array, n: number) => readonly Uint8Array[]): void {
    const next = this.#sessions.get(path[path.indexOf(this.id) + 1]!)!.session;
    const onward = next.open({ type: streamTypes.circuit, header: nextHeader(stream.header) });
    let n = 0;
    const join = (from: Stream, to: Stream, what: typeof change): void =>
      from.attach({
        data: (chunk) => {
          from.consume(chunk.length);
          for (const piece of what(chunk.slice(), n)) to.write(piece).catch(() => undefined);
          if (what === change) n += 1;
        },
        end: () => void to.end().catch(() => undefined),
        reset: (error) => to.reset(error.remoteCode ?? 6),
      });
    join(stream, onward, change);
    join(onward, stream, (chunk) => [chunk]);
    onward.opened.then(
      () => stream.accept(),
      () => undefined,
    );
  }

  /** Takes a circuit for its own, as if it were the target. Whether that was believed. */
  async impersonate({ stream }: FalseCircuit): Promise<boolean> {
    stream.accept();
    const connection = toConnection(stream, { clock: this.process });
    const options = { role: "responder", pattern: "IK", identity: this.#keys, psks: [this.#psk], clock: this.process, random: this.random.bytes } as const;
    return secure(connection, options).then(
      () => true,
      () => false,
    );
  }

  async #encrypted(address: string): Promise<Connection> {
    const ours = preamble(modes.noise, encodeSuites(["ChaChaPoly"]), this.random.bytes(8));
    const { rest, theirs } = await this.greet(address, ours);
    return secure(rest, {
      role: "initiator",
      identity: this.#keys,
      psks: [this.#psk],
      prologue: Uint8Array.of(...ours, ...theirs),
      suites: ["ChaChaPoly"],
      clock: this.process,
      random: this.random.bytes,
    });
  }

  #incoming(stream: Stream): void {
    if (stream.type !== streamTypes.circuit) stream.refuse("not here");
    else this.oncircuit?.({ stream, path: pathIn(stream.header) });
  }

  async #readOn(control: Stream): Promise<void> {
    try {
      for await (const _chunk of control);
    } catch {
      // The link is over.
    }
  }
}

/** The payload of an ADJ record; see docs/routing.md. All links are alike, and cheap. */
function adjacencyOf(ids: readonly string[]): Uint8Array {
  return Uint8Array.of(11, ...[...ids].sort().flatMap((id) => [...idBytes(id), 0, 1, 0]));
}

/** A circuit's header is a map of msgpack that begins with `p`, the path as a byte string, and goes on with `i`, a small number. */
const pathAt = 5;

function pathIn(header: Uint8Array): string[] {
  const hex = [...header.subarray(pathAt, pathAt + header[pathAt - 1]!)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.match(/.{16}/g) ?? [];
}

/** The same header for the next hop. */
function nextHeader(header: Uint8Array): Uint8Array {
  const indexAt = pathAt + header[pathAt - 1]! + 2;
  return header.map((byte, i) => (i === indexAt ? byte + 1 : byte));
}
