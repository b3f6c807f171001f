import { Flag, SETTINGS_FLOOR, WireCode, type FrameEncoder, type Settings } from "@astranet/frame";
import { AstraError } from "@astranet/transport";
import type { RawLink } from "../mistakes/raw-link.ts";
import { Stranger } from "../mistakes/stranger.ts";
import { dialHeader, streamTypes } from "../mistakes/words.ts";
import { cast, isLinked, link } from "./cast.ts";
import { must, within } from "./expect.ts";
import type { Scenario } from "./scenario.ts";

const latencyMs = 10;
/** The limits are those of docs/wire-format.md; one more than each. */
const limits = { resets: 10_000, pings: 10, emptyFrames: 10, unknownFrames: 100 };
/** Where dials wait to be accepted. */
const slowPort = 77;
const byMs = 100;
/** Of a stream, at first; and what DATA holds at most. */
const windowBytes = 262_144;
const frameBytes = 65_536;

interface Attack {
  readonly what: string;
  readonly code: number;
  /** Its own streams begin at 3: 1 is the control stream. */
  readonly say: (encoder: FrameEncoder, self: string) => void;
}

const dial = (encoder: FrameEncoder, id: number, self: string): void => {
  encoder.open(id, 3, dialHeader(self, slowPort));
  encoder.data(id, Flag.SYN, 0, streamTypes.dial);
};
/** Once stream 3 is there. */
const afterDial = (say: Attack["say"]): Attack["say"] => (encoder, self) => {
  dial(encoder, 3, self);
  say(encoder, self);
};
const times = (count: number, say: (i: number) => void): void => {
  for (let i = 0; i < count; i += 1) say(i);
};
const bytes = (encoder: FrameEncoder, id: number, length: number): void => {
  encoder.data(id, 0, length);
  encoder.payload(new Uint8Array(length), 0, length);
};
const raw = (encoder: FrameEncoder, ...values: number[]): void => encoder.payload(Uint8Array.from(values), 0, values.length);

const { PROTOCOL, FLOW_CONTROL, FRAME_SIZE, ENHANCE_YOUR_CALM } = WireCode;

const attacks: readonly Attack[] = [
  {
    what: "opens and resets",
    code: ENHANCE_YOUR_CALM,
    say: (encoder, self) => {
      times(limits.resets + 1, (i) => {
        dial(encoder, 3 + 2 * i, self);
        encoder.rst(3 + 2 * i, 0, 6);
      });
    },
  },
  { what: "floods with pings", code: ENHANCE_YOUR_CALM, say: (encoder) => times(limits.pings + 1, (i) => encoder.ping(false, 0, i)) },
  { what: "floods with empty frames", code: ENHANCE_YOUR_CALM, say: afterDial((encoder) => times(limits.emptyFrames + 1, () => encoder.data(3, 0, 0))) },
  { what: "floods with frames of unknown types", code: ENHANCE_YOUR_CALM, say: (encoder) => times(limits.unknownFrames + 1, () => raw(encoder, 0, 0, 0, 0xf0, 0, 0, 0, 0)) },
  { what: "grants no credit, and says so", code: PROTOCOL, say: afterDial((encoder) => encoder.windowIncrement(3, 0)) },
  { what: "grants more credit than there can be", code: FLOW_CONTROL, say: afterDial((encoder) => encoder.windowIncrement(3, 0x7f_ff_ff_ff)) },
  { what: "sends more than a stream's window", code: FLOW_CONTROL, say: afterDial((encoder) => times(windowBytes / frameBytes + 1, () => bytes(encoder, 3, frameBytes))) },
  { what: "sends a frame that is too long", code: FRAME_SIZE, say: afterDial((encoder) => raw(encoder, 1, 0, 1, 0x10, 0, 0, 0, 3)) },
  { what: "sends data on a stream that never was", code: PROTOCOL, say: (encoder) => bytes(encoder, 99, 1) },
  { what: "opens a stream that is open", code: PROTOCOL, say: afterDial((encoder, self) => dial(encoder, 3, self)) },
  {
    what: "opens a stream that is over",
    code: PROTOCOL,
    say: afterDial((encoder, self) => {
      encoder.rst(3, 0, 6);
      dial(encoder, 3, self);
    }),
  },
  {
    what: "opens a stream below the last one",
    code: PROTOCOL,
    say: (encoder, self) => {
      dial(encoder, 5, self);
      dial(encoder, 3, self);
    },
  },
  { what: "opens a stream whose id is the other side's to give", code: PROTOCOL, say: (encoder, self) => dial(encoder, 4, self) },
];

/** What no window may begin below. */
const noWindow: Settings = { ...SETTINGS_FLOOR, initialWindow: 0 };

/** A neighbour that is linked as any other breaks the rules of the multiplexer, in each way that peers were attacked in. */
export const hostilePeer: Scenario = {
  id: "F29",
  title: "a neighbour attacks the multiplexer",
  world: { conditions: { latencyMs } },
  async run({ world }) {
    const { a, r } = cast(world, ["a", "r"]);
    link([a, r]);
    await within(world, 5000, "a is linked", () => isLinked(a, r) && isLinked(r, a));
    // Nobody accepts what is dialled there: it is not reset of a stream that was taken.
    r.running.router.bind({ port: slowPort });
    await world.run(20_000);
    const conn = await world.settle(a.running.dial({ name: "r" }), 1000);
    const downs: { readonly peer: string; readonly error: unknown }[] = [];
    for (const node of [a, r]) {
      node.running.router.subscribe((event) => {
        if (event.type === "linkdown") downs.push(event);
      });
    }
    const idleBefore = await eventsOf(10_000);
    const timersBefore = r.running.process.timers;
    for (const { what, code, say } of world.random.shuffled(attacks)) {
      const stranger = new Stranger(world, `stranger-${attacks.findIndex((attack) => attack.what === what)}`);
      const hostile = await world.settle(stranger.link(r.address), 1000);
      await within(world, 1000, `it is linked, who then ${what}`, () => r.running.router.links.some(({ peer, state }) => peer === stranger.id && state === "up"));
      await world.run(100);
      const before = downs.length;
      const began = world.now;
      hostile.say((encoder) => say(encoder, stranger.id));
      await ends(hostile, code, began, what);
      must(`the node says that the rules were broken, by one who ${what}: ${String(downs[before]?.error)}`, downs.length === before + 1 && downs[before]!.peer === stranger.id && AstraError.is(downs[before]!.error, "ERR_ASTRANET_PROTOCOL"));
    }
    const stranger = new Stranger(world, "stranger-without-window");
    const began = world.now;
    await ends(await world.settle(stranger.link(r.address, "router", noWindow), 1000), PROTOCOL, began + 2 * latencyMs, "says that it has no window");
    await world.run(1000);
    must(`nothing of them is left: ${r.running.process.timers} timers, ${timersBefore} before`, r.running.process.timers <= timersBefore && r.running.router.links.length === 1);
    const idleAfter = await eventsOf(10_000);
    must(`the node has as little to do as before: ${idleAfter} events in 10 s, ${idleBefore} before`, idleAfter <= 2 * idleBefore);
    await world.settle(conn.end(new Uint8Array(5)), 1000);
    must("what ran before has come to its end", (await world.settle(conn.read(), 1000))?.length === 5);
    await world.quiet();

    async function ends(hostile: RawLink, code: number, said: number, what: string): Promise<void> {
      await within(world, said + byMs - world.now, `it is told to go, who ${what}`, () => hostile.goAway !== undefined);
      must(`with code ${code}, not ${hostile.goAway!.code}, who ${what}`, hostile.goAway!.code === code);
      // Nobody else has to wait: there and back.
      const rtt = await world.settle(a.running.router.ping(r.id), 1000);
      must(`a's link has noticed nothing of who ${what}: ${rtt} ms`, isLinked(a, r) && isLinked(r, a) && rtt <= 2 * latencyMs + 1);
      await within(world, 6000, `the connection is over, of who ${what}`, () => hostile.closedAt !== undefined);
    }

    async function eventsOf(ms: number): Promise<number> {
      const before = world.timeline.events;
      await world.run(ms);
      return world.timeline.events - before;
    }
  },
};
