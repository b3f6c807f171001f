import type { Peer } from "./peer.ts";

/** Messages one way, in order. */
export interface MessageFlow {
  /** Undefined: go on at once; a promise: go on when it resolves. */
  send(message: Uint8Array): Promise<unknown> | undefined;
  /** No message follows. Resolves with how many came, as the receiver says after the last one. */
  finish(): Promise<number>;
}

export interface MessageLink {
  /** A flow of messages of that size each. */
  open(messageBytes: number): MessageFlow | Promise<MessageFlow>;
  /** One call: sends the request and resolves with its answer. */
  call(request: Uint8Array): Promise<Uint8Array>;
}

/** Takes the messages of one flow. */
export interface FlowSink {
  /** How many came. */
  readonly count: number;
  add(message: Uint8Array): void;
}

/** What the server does, whoever the peer is. */
export interface MessageServer {
  /** A flow begins. */
  sink(): FlowSink;
  answer(request: Uint8Array): Uint8Array;
}

/** What has messages and calls: the works L and M. */
export type MessagePeer = Peer<MessageLink, MessageServer>;
