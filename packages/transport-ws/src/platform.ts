import type { Connection, ListenInit, TransportListener } from "@astranet/transport";
import type { Network } from "./address.ts";
import type { Settings } from "./settings.ts";

/** What differs between Node and browsers. `#platform` of package.json's `imports` is the one or the other. @internal */
export interface Platform {
  dial(network: Network, address: string, settings: Settings, signal: AbortSignal | undefined): Promise<Connection>;
  /** Absent where nothing can listen. */
  listen?(network: Network, address: string, settings: Settings, init: ListenInit): Promise<TransportListener>;
}
