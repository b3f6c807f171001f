import type { ReplicaLink, ReplicaMessage, Replication } from "@astranet/discovery";
import type { AstraError, Clock } from "@astranet/transport";
import type { NodeId } from "../node-id.ts";
import type { ControlMessage } from "./control-codec.ts";

/** What a RecordExchange is made with. */
export interface RecordExchangeInit {
  readonly replication: Replication;
  readonly peer: NodeId;
  /** Whether the peer may tell of others than itself. */
  readonly forwards: () => boolean;
  readonly clock: Clock;
  readonly send: (message: ControlMessage) => Promise<void>;
  /** A record was refused because a limit is reached. */
  readonly refused: (error: AstraError) => void;
}

/** Carries one neighbour's part of the replication over its link's control stream, as fast as the peer reads. */
export class RecordExchange {
  readonly #init: RecordExchangeInit;
  readonly #link: ReplicaLink;
  #sending = false;

  constructor(init: RecordExchangeInit) {
    this.#init = init;
    const { replication, peer, forwards, refused } = init;
    this.#link = replication.connect({ id: peer, forwards, refused, wake: () => void this.#send() });
  }

  /** Takes in a message. Throws ERR_ASTRANET_PROTOCOL for a malformed one. What it returns is how long to wait before the next. */
  take(message: ControlMessage): Promise<void> | undefined {
    const waitMs = this.#link.receive(message as ReplicaMessage);
    return waitMs === 0 ? undefined : new Promise((resolve) => void this.#init.clock.setTimer(waitMs, resolve));
  }

  end(): void {
    this.#link.close();
  }

  async #send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let message = this.#link.next(); message !== undefined; message = this.#link.next()) await this.#init.send(message);
    } catch {
      // The link is over, and says so itself.
      this.end();
    }
    this.#sending = false;
  }
}
