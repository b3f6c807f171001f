/** The subprotocol that both ends name, so that neither talks to a WebSocket service of another kind. */
export const SUBPROTOCOL = "astranet";
/**
 * A message that is sent is no longer than this, which every receiver takes: `maxMessageBytes` is no smaller.
 * Longer ones gain nothing (measured), and some gateways take no more than 128 KiB.
 */
export const MESSAGE_BYTES = 65_536;
/** How long the closing handshake may take before the socket is destroyed. */
export const CLOSE_TIMEOUT_MS = 5_000;
/** What an HTTP request for an upgrade may have in its head. */
export const MAX_HEADER_BYTES = 16_384;
