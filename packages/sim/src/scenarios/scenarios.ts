import { chaos } from "./chaos.ts";
import { relayDies } from "./f01-relay-dies.ts";
import { otherRelay } from "./f02-other-relay.ts";
import { relayDiesEstablished } from "./f03-relay-dies-established.ts";
import { ring } from "./f04-ring.ts";
import { partition } from "./f05-partition.ts";
import { oneWay } from "./f06-one-way.ts";
import { halfOpen } from "./f07-half-open.ts";
import { clockBehind } from "./f08-clock-behind.ts";
import { twoLives } from "./f09-two-lives.ts";
import { oneId } from "./f10-one-id.ts";
import { sleep } from "./f11-sleep.ts";
import { blockedLoop } from "./f12-blocked-loop.ts";
import { massRejoin } from "./f13-mass-rejoin.ts";
import { flapping } from "./f14-flapping.ts";
import { swingingRtt } from "./f15-swinging-rtt.ts";
import { slowReader } from "./f16-slow-reader.ts";
import { flood } from "./f17-flood.ts";
import { notAccepting } from "./f18-not-accepting.ts";
import { nobodyThere } from "./f19-nobody-there.ts";
import { nextProvider } from "./f20-next-provider.ts";
import { gracefulStop } from "./f21-graceful-stop.ts";
import { brokenRecords } from "./f22-broken-records.ts";
import { forgedRecords } from "./f23-forged-records.ts";
import { lyingRelay } from "./f24-lying-relay.ts";
import { tamperingRelay } from "./f25-tampering-relay.ts";
import { wrongSecret } from "./f26-wrong-secret.ts";
import { rotation } from "./f27-rotation.ts";
import { strangersCrowd } from "./f28-crowd.ts";
import { hostilePeer } from "./f29-hostile-peer.ts";
import { missedFlood } from "./f30-missed-flood.ts";
import { fullMesh } from "./f31-full-mesh.ts";
import { overloaded } from "./f32-overloaded.ts";
import { swizzleClog } from "./f35-swizzle-clog.ts";
import { unknownRecords } from "./f36-unknown-records.ts";
import type { Scenario } from "./scenario.ts";

const all: readonly Scenario[] = [
  chaos,
  relayDies,
  otherRelay,
  relayDiesEstablished,
  ring,
  partition,
  oneWay,
  halfOpen,
  clockBehind,
  twoLives,
  oneId,
  sleep,
  blockedLoop,
  massRejoin,
  flapping,
  swingingRtt,
  slowReader,
  flood,
  notAccepting,
  nobodyThere,
  nextProvider,
  gracefulStop,
  brokenRecords,
  forgedRecords,
  lyingRelay,
  tamperingRelay,
  wrongSecret,
  rotation,
  strangersCrowd,
  hostilePeer,
  missedFlood,
  fullMesh,
  overloaded,
  swizzleClog,
  unknownRecords,
];

/** All of them, by what the command line calls them. */
export const scenarios: ReadonlyMap<string, Scenario> = new Map(all.map((scenario) => [scenario.id, scenario]));
