import type { RouterEvent } from "@astranet/router";
import type { AstraError } from "@astranet/transport";

/** Another process that started later lives under this node's identity: this one withdraws, and closes. */
export interface SupersededEvent {
  readonly type: "superseded";
  /** ERR_ASTRANET_SUPERSEDED. */
  readonly error: AstraError;
}

type NodeEvent = RouterEvent | SupersededEvent;

/** What happens to a node: the event's `detail` says to whom, and why. */
export type AstraNetEventMap = {
  [Type in NodeEvent["type"]]: CustomEvent<Extract<NodeEvent, { type: Type }>>;
};

/** The names of a node's events. */
export type AstraNetEventType = keyof AstraNetEventMap;

/** What `addEventListener` takes besides, as an EventTarget does: an own type, because Node's types have none without the DOM's. */
export interface AstraNetListenerOptions {
  readonly once?: boolean;
  readonly signal?: AbortSignal;
}

/** Takes one kind of a node's events. */
export type AstraNetListener<Type extends AstraNetEventType> = (event: AstraNetEventMap[Type]) => void;
