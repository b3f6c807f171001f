import type { RouterEvent } from "@astranet/router";

/** What happens to a node: the event's `detail` says to whom, and why. */
export type AstraNetEventMap = {
  [Type in RouterEvent["type"]]: CustomEvent<Extract<RouterEvent, { type: Type }>>;
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
