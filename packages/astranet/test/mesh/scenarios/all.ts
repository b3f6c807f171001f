import { gracefulStop, halfOpenPeer, nap, sleeper } from "./faults.ts";
import { fileThroughRelays, slowReader } from "./files.ts";
import { manyStreams } from "./many-streams.ts";
import { onlyRelayKilled, relayKilledDuringDial, relayKilledUnderStreams } from "./relay-killed.ts";
import type { Figures } from "./scenario.ts";
import { crowd, wrongSecrets } from "./strangers.ts";

/** A scenario with real processes and real TCP. Its run rejects where something is not as it must be. */
export interface Scenario {
  readonly name: string;
  /** Its failure scenario in the design's table; those are repeated. */
  readonly id?: string;
  readonly title: string;
  run(): Promise<Figures>;
}

/** All of them; files are of `bytes`. */
export function scenarios(bytes: number): readonly Scenario[] {
  return [
    { name: "one-relay", title: "A file through one relay, which sees nothing of it", run: () => fileThroughRelays({ bytes, relays: 1 }) },
    { name: "four-relays", title: "A file through four relays in a row, which see nothing of it; `trace` names them", run: () => fileThroughRelays({ bytes, relays: 4 }) },
    { name: "in-clear", title: "The same tap finds the marker where all nodes are `insecure`", run: () => fileThroughRelays({ bytes: bytes / 16, relays: 1, insecure: true }) },
    { name: "slow-reader", title: "A sends faster than C reads", run: () => slowReader({ bytes: bytes / 4, relays: 1 }) },
    { name: "many-streams", title: "100,000 streams are one circuit", run: () => manyStreams({ streams: 100_000 }) },
    { name: "crowd", title: "10,000 half-open connects, from 100 hosts (F28)", run: () => crowd({ count: 10_000, hosts: 100, manner: "silent" }) },
    { name: "byte-by-byte", title: "10,000 handshakes of a byte now and then, from one host (F28)", run: () => crowd({ count: 10_000, hosts: 1, manner: "byte by byte" }) },
    { name: "F1", id: "F1", title: "kill -9 of the only relay, with 1,000 busy streams through it", run: () => onlyRelayKilled({ streams: 1000 }) },
    { name: "F2", id: "F2", title: "kill -9 of a relay during a dial, with another relay there", run: relayKilledDuringDial },
    { name: "F3", id: "F3", title: "kill -9 of a relay under 1,000 streams, with another relay there", run: () => relayKilledUnderStreams({ streams: 1000 }) },
    { name: "F7", id: "F7", title: "A connection that died half-open is dialled anew", run: () => halfOpenPeer({ streams: 100 }) },
    { name: "F11", id: "F11", title: "A node sleeps longer than its neighbours wait, and wakes", run: sleeper },
    { name: "nap", id: "F11", title: "A node sleeps less than its neighbours wait", run: nap },
    { name: "F21", id: "F21", title: "SIGTERM to a provider with 100 running streams", run: () => gracefulStop({ streams: 100 }) },
    { name: "F26", id: "F26", title: "Another secret, none, no encryption", run: wrongSecrets },
  ];
}
