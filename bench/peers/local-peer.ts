import type { Peer } from "./peer.ts";

/** What is passed. */
export interface LocalMessage {
  readonly id: number;
  readonly name: string;
  readonly data: Uint8Array;
}

/** A way for messages between two loops of one process. */
export interface LocalLink {
  /** Sends `count` messages, one after the other, as fast as they are taken: each is made by `make`, and comes out into `take`. Resolves when the last has come out. */
  pass(count: number, make: (i: number) => LocalMessage, take: (message: LocalMessage) => void): Promise<void>;
}

/** What passes messages within a process: the work K. There is no server. */
export type LocalPeer = Peer<LocalLink, never>;

export function localPeer(pass: LocalLink["pass"]): LocalPeer {
  return {
    listen: () => Promise.reject(new Error("within one process there is no server")),
    dial: () => Promise.resolve({ pass }),
  };
}
