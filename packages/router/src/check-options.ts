import { AstraError } from "@astranet/transport";
import type { CircuitLimits } from "./circuit/circuit-types.ts";
import { maxAddresses, maxAddressLength } from "./graph/node-record.ts";
import { nodeRoles, type RouterLimits, type RouterOptions } from "./router-options.ts";

/** What an option must be, in words, and whether a value is that. */
type Rule = readonly [must: string, holds: (value: unknown) => boolean];

/** 24 days: who waits for longer has mistaken the unit. A session's own idle timeout may be longer. */
const maxTimerMs = 2 ** 31 - 1;

const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER): Rule => [
  `be an integer from ${min} to ${max}`,
  (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
];
const has = (value: unknown, ...methods: readonly string[]): boolean =>
  typeof value === "object" && value !== null && methods.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");
const list = (value: unknown, holds: (each: unknown) => boolean, most = Infinity): boolean => Array.isArray(value) && value.length <= most && value.every(holds);

/** "network address", as a record may hold it. */
const isAddress = (each: unknown): boolean => typeof each === "string" && each.length <= maxAddressLength && /^\S+ \S/.test(each);

const count = integer(0);
const atLeastOne = integer(1);
const time = integer(1, maxTimerMs);
const rate: Rule = ["be a number above 0", (value) => typeof value === "number" && value > 0 && value < Infinity];
const aFunction: Rule = ["be a function", (value) => typeof value === "function"];
const anObject: Rule = ["be an object", (value) => has(value)];

const optionRules = {
  role: [`be one of ${nodeRoles.join(", ")}`, (value) => (nodeRoles as readonly unknown[]).includes(value)],
  security: anObject,
  authorize: aFunction,
  linkFactor: aFunction,
  key: ["be a Uint8Array of at most 64 bytes", (value) => value instanceof Uint8Array && value.length <= 64],
  transports: ["be a list of transports, each with networks and dial", (value) => list(value, (each) => has(each, "dial") && list((each as { networks?: unknown }).networks, (name) => typeof name === "string"))],
  // Nothing but true may take encryption off: "false", of an environment variable, is a text.
  insecure: ["be true or false", (value) => typeof value === "boolean"],
  advertise: [`be a list of at most ${maxAddresses} addresses such as "tcp 203.0.113.7:10000"`, (value) => list(value, isAddress, maxAddresses)],
  follow: aFunction,
  idleTimeoutMs: integer(1, 0xff_ff_ff_ff),
  session: anObject,
  limits: anObject,
  circuitLimits: anObject,
  clock: ["be a Clock, with now, setTimer and defer", (value) => has(value, "now", "setTimer", "defer")],
  random: aFunction,
} satisfies Record<keyof Omit<RouterOptions, "store">, Rule>;

const limitRules = {
  dialTimeoutMs: time,
  handshakeTimeoutMs: time,
  handshakesPerSecond: rate,
  handshakeBurst: atLeastOne,
  maxPendingHandshakes: atLeastOne,
  maxPendingPerHost: atLeastOne,
  maxDials: atLeastOne,
  maxMemberships: count,
  maxLinks: count,
  maxFollowedLinks: count,
  listenerBacklog: count,
  maxListeners: count,
  recordsPerSecond: rate,
  forgetAfterMs: time,
} satisfies Record<keyof RouterLimits, Rule>;

const circuitLimitRules = {
  maxCircuits: count,
  maxCircuitsPerPeer: count,
  maxCircuitsPerPair: count,
  opensPerSecond: rate,
  openBurst: atLeastOne,
  tracesPerSecond: rate,
  maxRelayBytes: count,
  maxTries: atLeastOne,
  openTimeoutMs: time,
  handshakeTimeoutMs: time,
  idleTimeoutMs: time,
  relayIdleTimeoutMs: time,
  answerTimeoutMs: time,
} satisfies Record<keyof CircuitLimits, Rule>;

/** Throws EINVAL that names the option which is wrong, and its value. What is undefined stands for the default. */
export function checkRouterOptions(options: Omit<RouterOptions, "store">): void {
  check(options, optionRules, "");
  check(options.limits ?? {}, limitRules, "limits.");
  check(options.circuitLimits ?? {}, circuitLimitRules, "circuitLimits.");
}

function check(options: object, rules: Readonly<Record<string, Rule>>, prefix: string): void {
  for (const [name, [must, holds]] of Object.entries(rules)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && !holds(value)) throw new AstraError("EINVAL", `${prefix}${name} must ${must}, not ${described(value)}`);
  }
}

/** What somebody passed, in a few words. */
function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  if (Array.isArray(value)) return `a list of ${value.length}${value.length === 0 ? "" : `: ${value.slice(0, 3).map(described).join(", ")}${value.length > 3 ? ", …" : ""}`}`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
