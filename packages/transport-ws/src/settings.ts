import { AstraError, systemClock, type Clock } from "@astranet/transport";
import { MESSAGE_BYTES } from "./limits.ts";
import type { WsTransportOptions } from "./options.ts";

/** The options, checked, with their defaults. @internal */
export interface Settings extends WsTransportOptions {
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  readonly maxPendingHandshakes: number;
  readonly clock: Clock;
}

/** What a timer takes, and what `ws` counts with. */
const MAX_INT32 = 2_147_483_647;

/** @throws AstraError EINVAL naming the option. */
export function settingsOf(options: WsTransportOptions): Settings {
  const { maxMessageBytes = 1_048_576, handshakeTimeoutMs = 5_000, maxPendingHandshakes = 1_024, clock = systemClock, origins } = options;
  within("maxMessageBytes", maxMessageBytes, MESSAGE_BYTES, MAX_INT32);
  within("handshakeTimeoutMs", handshakeTimeoutMs, 1, MAX_INT32);
  within("maxPendingHandshakes", maxPendingHandshakes, 1, MAX_INT32);
  if (Array.isArray(origins)) origins.forEach(checkOrigin);
  else if (origins !== undefined && typeof origins !== "function") throw new AstraError("EINVAL", "origins is neither a list nor a function");
  return { ...options, maxMessageBytes, handshakeTimeoutMs, maxPendingHandshakes, clock };
}

function within(name: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    throw new AstraError("EINVAL", `${name} must be a whole number within ${min}…${max}, not ${String(value)}`);
}

// One that no browser sends would never match, and nobody would know why.
function checkOrigin(origin: unknown): void {
  if (origin === "*" || origin === "null") return;
  let exact: string | undefined;
  try {
    const { origin: own, protocol, host } = new URL(String(origin));
    exact = own === "null" ? `${protocol}//${host}` : own;
  } catch {
    // Said below.
  }
  if (exact !== origin) throw new AstraError("EINVAL", `bad origin '${String(origin)}': ${exact === undefined ? "wanted is 'https://example.com'" : `a browser sends '${exact}'`}`);
}
