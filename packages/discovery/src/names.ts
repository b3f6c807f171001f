import { AstraError } from "@astranet/transport";

/** What `bind` is asked for. */
export interface BindAddress {
  /** Undefined for a bare port. */
  readonly service: string | undefined;
  /** 0: a free one. */
  readonly port: number;
}

/** What `dial` is asked for: some provider of a name (on one port, where one is given), or a port of one node. */
export type DialAddress =
  | { readonly kind: "service"; readonly name: string; readonly port: number | undefined }
  | { readonly kind: "node"; readonly id: string; readonly port: number };

/** What Go's `network` argument of dial says about the choice among providers. */
export interface DialNetwork {
  readonly affinity?: string;
  /** 'vport2registry': the address's port is what is hashed, and does not choose the provider's port. */
  readonly portIsAffinity?: boolean;
}

/** The largest virtual port. */
export const maxPort = 0xff_ff_ff_ff;

/** The longest service name, in characters. */
export const maxNameLength = 253;

const maxEnvLength = 255;

/** '', ':80', 'name' or 'name:80'. ':0', 'name:0' and no port: a free one. Throws EINVAL saying what is wrong. */
export function parseBindAddress(address: string): BindAddress {
  const { host, port } = split(address, "bind");
  if (host === "" && port === undefined) throw invalid(`cannot bind ${quote(address)}: it says neither a name nor a port (":0" takes a free port)`);
  const number = port === undefined ? 0 : parsePort(address, port);
  if (host === "") return { service: undefined, port: number };
  return { service: checkServiceName(host), port: number };
}

/** 'name', 'name:80' or 'id:80'. Throws EINVAL saying what is wrong. */
export function parseDialAddress(address: string): DialAddress {
  const { host, port } = split(address, "dial");
  if (host === "") throw invalid(`cannot dial ${quote(address)}: it names neither a service nor a node`);
  const number = port === undefined ? undefined : parsePort(address, port);
  if (number === 0) throw invalid(`cannot dial ${quote(address)}: port 0 stands for "any free port" and can only be bound`);
  if (!/^[0-9a-f]{16}$/.test(host)) return { kind: "service", name: checkServiceName(host), port: number };
  if (!/[a-f]/.test(host)) throw invalid(`cannot dial ${quote(address)}: a node id holds at least one letter`);
  if (number === undefined) throw invalid(`cannot dial ${quote(address)}: a node id needs a port, as in "${host}:80"`);
  return { kind: "node", id: host, port: number };
}

/** '' , 'registry://key' (the same provider for the same key) or 'vport2registry' (the same provider for the same port). Throws EINVAL for others. */
export function parseDialNetwork(network: string): DialNetwork {
  if (typeof network !== "string") throw invalid(`a network is a string, not ${typeof network}`);
  if (network === "") return {};
  if (network === "vport2registry") return { portIsAffinity: true };
  if (network.startsWith("registry://")) {
    if (network.length === "registry://".length) throw invalid(`network "registry://" has no key`);
    return { affinity: network };
  }
  throw invalid(`network ${quote(network)} is none of "", "registry://key" and "vport2registry"`);
}

/** Gives a valid service name back, or throws EINVAL saying what is wrong with it. */
export function checkServiceName(name: string): string {
  const why = whatIsWrong(name);
  if (why !== undefined) throw invalid(`service name ${typeof name === "string" ? quote(name) : String(name)} ${why}`);
  return name;
}

/** Whether `name` is a valid service name. */
export function isServiceName(name: unknown): name is string {
  return whatIsWrong(name) === undefined;
}

/** The namespace that the parts name, as 'prod.eu'; '' without parts. Throws EINVAL for a part that is not `[a-z0-9_][a-z0-9_-]*`. */
export function parseEnv(...parts: readonly string[]): string {
  for (const part of parts) {
    if (typeof part !== "string") throw invalid(`a part of an env is a string, not ${typeof part}`);
    if (part === "") throw invalid("a part of an env is empty");
    const bad = /[^a-z0-9_-]/.exec(part);
    if (bad !== null) throw invalid(`env part ${quote(part)} holds ${quote(bad[0])}; allowed are a-z, 0-9, "_" and "-"`);
    if (part.startsWith("-")) throw invalid(`env part ${quote(part)} starts with "-"`);
  }
  const env = parts.join(".");
  if (env.length > maxEnvLength) throw invalid(`an env of ${env.length} characters is longer than ${maxEnvLength}`);
  return env;
}

/** Whether `env` is what {@link parseEnv} could have given. */
export function isEnv(env: unknown): env is string {
  return typeof env === "string" && env.length <= maxEnvLength && /^(?:[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*)?$/.test(env);
}

function whatIsWrong(name: unknown): string | undefined {
  if (typeof name !== "string") return `is ${name === null ? "null" : `a ${typeof name}`}, not a string`;
  if (name === "") return "is empty";
  if (name.length > maxNameLength) return `has ${name.length} characters, more than ${maxNameLength}`;
  if (/^[0-9a-fA-F]{16}$/.test(name)) return "is 16 hexadecimal digits, as a node id is";
  if (/[A-Z]/.test(name)) return "holds upper-case letters; names are written in lower case";
  const bad = /[^a-z0-9._-]/u.exec(name);
  if (bad !== null) return `holds ${quote(bad[0])}; allowed are a-z, 0-9, ".", "_" and "-"`;
  if (/^[.-]/.test(name)) return `starts with ${quote(name[0]!)}`;
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (last === "") return 'ends with "."';
  if (/^\d+$/.test(last)) return `ends with the all-digit label ${quote(last)}, which URLs take for an IP address`;
  // URLs read such a label as a number too: http://0x7f/ is http://0.0.0.127/.
  if (/^0x[0-9a-f]*$/.test(last)) return `ends with the hexadecimal number ${quote(last)}, which URLs take for an IP address`;
  return undefined;
}

function split(address: unknown, verb: string): { host: string; port: string | undefined } {
  if (typeof address !== "string") throw invalid(`cannot ${verb}: an address is a string, not ${address === null ? "null" : typeof address}`);
  const fail = (why: string): AstraError => invalid(`cannot ${verb} ${quote(address)}: ${why}`);
  if (address.includes("://")) throw fail("it is a URL; an address is only name:port");
  if (/\s/.test(address)) throw fail("it holds white space");
  if (/[/?#]/.test(address)) throw fail("it holds a path, a query or a fragment; an address is only name:port");
  if (address.includes("@")) throw fail('it holds a "@"; an address is only name:port');
  if (/[[\]]/.test(address)) throw fail("it is written like an IPv6 address; nodes have ids and services have names");
  const colon = address.indexOf(":");
  if (colon === -1) return { host: address, port: undefined };
  if (address.includes(":", colon + 1)) throw fail('it has more than one ":"');
  return { host: address.slice(0, colon), port: address.slice(colon + 1) };
}

function parsePort(address: string, port: string): number {
  const fail = (why: string): AstraError => invalid(`port ${quote(port)} of ${quote(address)} ${why}`);
  if (port === "") throw fail("is empty");
  if (!/^[0-9]+$/.test(port)) throw fail("is not a decimal number");
  if (port.length > 1 && port.startsWith("0")) throw fail("starts with 0");
  if (Number(port) > maxPort) throw fail(`is larger than ${maxPort}`);
  return Number(port);
}

function quote(text: string): string {
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return JSON.stringify(shown);
}

function invalid(message: string): AstraError {
  return new AstraError("EINVAL", message);
}
