import type { ConnectToProvider, ServiceInfo } from "@astranet/discovery";
import { AstraError } from "@astranet/transport";

/** Other providers that a dial by name asks, when one does not take it. */
export const maxRetries = 2;

/**
 * Connects to one provider after another, as a resolver asks for it. While another one could be asked, a provider has half of the time that is left: one that does not accept does not use up
 * the time of all. Then the next one is asked, as nothing was sent to the first. `providers` are those that there are now.
 */
export function withShareOfTime<T>(providers: () => readonly ServiceInfo[], connect: ConnectToProvider<T>): ConnectToProvider<T> {
  const tried = new Set<string>();
  const key = ({ id, port }: ServiceInfo): string => `${id}:${port}`;
  return async (provider, { signal, timeoutMs }) => {
    tried.add(key(provider));
    const isLast = tried.size > maxRetries || providers().every((other) => tried.has(key(other)));
    if (isLast) return connect(provider, { signal, timeoutMs });
    try {
      return await connect(provider, { signal, timeoutMs: timeoutMs / 2 });
    } catch (error) {
      if (signal.aborted || !AstraError.is(error, "ETIMEDOUT")) throw error;
      throw new AstraError("ETIMEDOUT", error.message.slice("ETIMEDOUT: ".length), { retryable: true, cause: error, via: error.via ?? [provider.id] });
    }
  };
}
