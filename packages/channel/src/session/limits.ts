import { AstraError } from "@astranet/transport";

/** What protects one side of a session from the other. Each may be set where `Channels` is made. */
export interface ChannelLimits {
  /** Longest message, in bytes of its encoding. Default 16 MiB, at most 256 MiB − 1. Beyond: EMSGSIZE where it is sent; where one comes, its channel breaks with EMSGSIZE and the peer is told. */
  readonly maxMessageBytes: number;
  /** Channels and byte streams in one message. Default 1,024. Beyond: EINVAL where it is sent, ERR_ASTRANET_PROTOCOL where it comes. */
  readonly maxReferences: number;
  /** Streams that came for a message that has not come. Default 4,096. Beyond: the newest is reset. */
  readonly maxUnclaimed: number;
  /** How long such a stream waits for its message, and a message for its streams, in milliseconds. Default 10,000. Then the stream is reset; the message is delivered, and what lacks its stream is broken (ETIMEDOUT). */
  readonly claimTimeoutMs: number;
  /** Channels that wait for `accept`. Default 1,024. Beyond: the newest is reset. */
  readonly acceptBacklog: number;
  /** Bytes of long messages that are not whole yet, of all channels, beyond what the streams' windows hold. Default 64 MiB. Beyond: the channel that asks for more breaks with ERR_ASTRANET_OVERLOAD. */
  readonly maxPartialBytes: number;
}

const defaults: ChannelLimits = { maxMessageBytes: 16_777_216, maxReferences: 1024, maxUnclaimed: 4096, claimTimeoutMs: 10_000, acceptBacklog: 1024, maxPartialBytes: 67_108_864 };
const most: Partial<ChannelLimits> = { maxMessageBytes: 268_435_455 };

/** Throws EINVAL that names the limit which is wrong. */
export function resolveLimits(options: Partial<ChannelLimits>): ChannelLimits {
  const limits: Record<string, number> = {};
  for (const name of Object.keys(defaults) as (keyof ChannelLimits)[]) {
    const value = options[name] ?? defaults[name];
    const max = most[name] ?? Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < 0 || value > max) throw new AstraError("EINVAL", `${name} must be an integer from 0 to ${max}, not ${String(value)}`);
    limits[name] = value;
  }
  return limits as unknown as ChannelLimits;
}
