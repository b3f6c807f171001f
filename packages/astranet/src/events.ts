import type { RouterEvent } from "@astranet/router";

/** What happens to a node: the event's `detail` says to whom, and why. */
export type AstraNetEventMap = {
  [Type in RouterEvent["type"]]: CustomEvent<Extract<RouterEvent, { type: Type }>>;
};

/** The names of a node's events. */
export type AstraNetEventType = keyof AstraNetEventMap;

/** Takes one kind of a node's events. */
export type AstraNetListener<Type extends AstraNetEventType> = (event: AstraNetEventMap[Type]) => void;
