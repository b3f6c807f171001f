import { Session, type Stream } from "@astranet/mux";
import type { Connection } from "@astranet/transport";
import { ControlReader, encodeControl, type ControlMessage } from "../../src/link/control-codec.ts";
import { exchangePreambles } from "../../src/link/handshake.ts";
import { makePreamble } from "../../src/link/preamble.ts";
import { nodeIdToBytes } from "../../src/node-id.ts";
import { encodeDialHeader } from "../../src/ports/dial-header.ts";
import { idOf, outcome, seededRandom, type TestNetwork } from "./network.ts";

interface RawPeerInit {
  readonly initiator: boolean;
  readonly id?: string;
  readonly reads?: Promise<unknown>;
}

/** Whoever speaks the link protocol by hand: a mux session, a control stream, and on it whatever a test says. */
export class RawPeer {
  readonly id: string;
  readonly session: Session;
  /** The messages that the node has said. */
  readonly said: ControlMessage[] = [];
  /** How the session ended. */
  readonly ended: Promise<unknown>;
  isOver = false;
  readonly #mayRead: Promise<unknown>;
  #control: Stream | undefined;

  /** `connection` is what follows the preambles, and the encryption if there is any. Until `reads` settles it reads nothing of the control stream. */
  constructor(net: TestNetwork, connection: Connection, init: RawPeerInit) {
    this.id = init.id ?? idOf(99);
    this.#mayRead = init.reads ?? Promise.resolve();
    this.session = new Session(connection, {
      role: init.initiator ? "client" : "server",
      clock: net.clock,
      keepAlive: false,
      manualAccept: true,
      onstream: (stream) => {
        if (stream.type !== 1 || this.#control !== undefined) return;
        stream.accept();
        void this.#take(stream);
      },
    });
    this.ended = this.session.closed.then(
      () => undefined,
      (error: unknown) => error,
    ).finally(() => (this.isOver = true));
    if (init.initiator) void this.#take(this.session.open({ type: 1, urgency: 0 }));
  }

  /** A peer behind its preamble, in clear. */
  static async meet(net: TestNetwork, connection: Connection, init: RawPeerInit): Promise<RawPeer> {
    let peer: RawPeer | undefined;
    exchangePreambles(connection, makePreamble("local", init.initiator, seededRandom(4711)), net.clock, (result) => {
      if ("connection" in result) peer = new RawPeer(net, result.connection, init);
    });
    await net.clock.settle();
    if (peer === undefined) throw new Error("the preambles have not agreed");
    return peer;
  }

  get control(): Stream {
    return this.#control!;
  }

  /** Says some messages, in one write. */
  say(...messages: readonly ControlMessage[]): void {
    this.control.write(Uint8Array.from(messages.flatMap((message) => [...encodeControl(message)]))).catch(() => undefined);
  }

  /** A HELLO that nothing is wrong with, but what `change` says. */
  hello(change: Readonly<Record<string, unknown>> = {}): ControlMessage {
    const bytes = (byte: number): Uint8Array => new Uint8Array(8).fill(byte);
    return { t: "hello", min: 1, max: 1, id: nodeIdToBytes(this.id), key: bytes(1), inst: bytes(2), inc: bytes(0), nonce: bytes(3), role: "peer", idle: 15_000, ...change };
  }

  /** Opens a dial of port 80, or a stream of another type. */
  open(type = 3): Stream {
    const header = encodeDialHeader({ port: 80, service: undefined, env: "", from: { id: this.id, port: 9 }, trace: undefined });
    const stream = this.session.open({ type, header });
    stream.opened.catch(() => undefined);
    return stream;
  }

  /** What a stream that was opened came to: the words of its refusal, "accepted", or "pending". */
  async answer(stream: Stream): Promise<string> {
    const how = await outcome(stream.opened);
    if (how instanceof Error) return how.message;
    return how === "pending" ? how : "accepted";
  }

  async #take(stream: Stream): Promise<void> {
    this.#control = stream;
    await this.#mayRead;
    const reader = new ControlReader();
    try {
      for await (const chunk of stream) this.said.push(...reader.push(chunk));
    } catch {
      // The session says how it ended.
    }
  }
}
