import { parseArgs } from "node:util";

/** How the two programs find each other: over TLS with certificates, or by the name of a service in a mesh. */
export interface Options {
  /** The server's own address: tls://host:port, or a mesh's. */
  readonly listen?: string;
  /** The server's address over TLS. */
  readonly dial?: string;
  /** The address of any node of the mesh. */
  readonly join?: string;
  readonly service?: string;
  /** Files: one's own certificate and its key, and the authority that has signed the other's. */
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  /** The mesh's. From the environment: everybody on the machine may read a command line. */
  readonly secret?: string;
}

const string = { type: "string" } as const;

/** Options come first, as `--name value`; the rest, from the first word that is none, is a command and its arguments. */
export function readOptions(argv: readonly string[]): { readonly options: Options; readonly rest: readonly string[] } {
  let at = 0;
  while (argv[at]?.startsWith("--") === true) at += 2;
  const { values } = parseArgs({ args: argv.slice(0, at), options: { listen: string, dial: string, join: string, service: string, cert: string, key: string, ca: string } });
  const secret = process.env["REXEC_SECRET"];
  return { options: { ...values, ...(secret === undefined ? {} : { secret }) }, rest: argv.slice(at) };
}

/** Throws for an option that is missing. */
export function needed(options: Options, name: keyof Options): string {
  const value = options[name];
  if (value === undefined) throw new Error(name === "secret" ? "REXEC_SECRET is missing in the environment" : `--${name} is missing`);
  return value;
}
