import { readFileSync } from "node:fs";
import { needed, type Options } from "./options.ts";

/** Both sides show a certificate: who may run commands is whoever has one of the authority's. */
export function certificatesOf(options: Options): { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer } {
  const file = (name: "cert" | "key" | "ca"): Buffer => readFileSync(needed(options, name));
  return { cert: file("cert"), key: file("key"), ca: file("ca") };
}
