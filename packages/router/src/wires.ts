import { AstraError, type Connection, type Transport } from "@astranet/transport";
import type { LinkMode } from "./link/preamble.ts";
import { isIp, staysHere } from "./wire-address.ts";

/** What a node has against what may happen on a wire. */
export interface WireSafety {
  /** The owner's word that every wire is trusted: links beyond this process are in clear. */
  readonly insecure: boolean;
  /** Links that leave this process are encrypted. */
  readonly encrypts: boolean;
  /** … and not just anybody may link: there is a secret, or somebody who is asked. */
  readonly guarded: boolean;
}

/** The transports that this node was given, and how far it trusts what they lead to. */
export class Wires {
  readonly #transports: readonly Transport[];
  readonly #safety: WireSafety;

  constructor(transports: readonly Transport[], safety: WireSafety) {
    this.#transports = transports;
    this.#safety = safety;
  }

  /** The transport of `network`. Throws ERR_ASTRANET_NO_TRANSPORT. */
  find(network: string): Transport {
    const transport = this.#transports.find(({ networks }) => networks.includes(network));
    if (transport !== undefined) return transport;
    const known = this.#transports.flatMap(({ networks }) => networks).join(", ");
    throw new AstraError("ERR_ASTRANET_NO_TRANSPORT", `no transport serves network ${JSON.stringify(network)} (there are: ${known === "" ? "none" : known})`);
  }

  /** What can listen at an address that is safe to listen at. Throws ERR_ASTRANET_NO_TRANSPORT, ERR_ASTRANET_INSECURE. */
  findListening(network: string, address: string): Required<Pick<Transport, "listen">> {
    const transport = this.find(network);
    if (transport.listen === undefined) throw new AstraError("ERR_ASTRANET_NO_TRANSPORT", `the transport of network ${network} cannot listen`);
    const { insecure, encrypts, guarded } = this.#safety;
    if (!insecure && !guarded && !staysHere(network, address)) {
      const what = `a listener at ${network} ${address} may be reached from beyond this machine`;
      throw encrypts ? unguardedError(what) : insecureError(what);
    }
    return transport as Required<Pick<Transport, "listen">>;
  }

  /** Throws ERR_ASTRANET_NO_TRANSPORT, and ERR_ASTRANET_INSECURE where the address says already that it is elsewhere. */
  checkDial(network: string, address: string): void {
    this.find(network);
    const { insecure, encrypts } = this.#safety;
    if (!insecure && !encrypts && isIp(address) && !staysHere(network, address)) throw insecureError(`${network} ${address} is beyond this machine`);
  }

  /**
   * How a link over `connection` travels, before a byte of it is sent. `network` is what it was dialled or accepted on, undefined for an attached one.
   * Throws ERR_ASTRANET_INSECURE.
   */
  modeOf({ remoteAddress }: Connection, network: string | undefined, isBeyond: boolean): LinkMode {
    const { insecure, encrypts } = this.#safety;
    if (encrypts) return staysInProcess(network ?? remoteAddress) ? "local" : "noise";
    if (!isBeyond) return "local";
    if (!insecure) throw insecureError(`the other end, ${remoteAddress}, may be beyond this machine`);
    return "insecure";
  }
}

/** Whether an attached connection's far end is beyond this machine, by its address. What names no IP address, like a pair of pipes, is not. */
export function attachedIsBeyond({ remoteAddress }: Connection): boolean {
  return isIp(remoteAddress) && !staysHere("", remoteAddress);
}

/** … a dialled connection's: where a name was dialled, the connection says what it led to, if it can. */
export function dialledIsBeyond(network: string, address: string, { remoteAddress }: Connection): boolean {
  return !staysHere(network, isIp(remoteAddress) ? remoteAddress : address, "localhost");
}

/** … an accepted connection's. */
export function acceptedIsBeyond(network: string, { remoteAddress }: Connection): boolean {
  return !staysHere(network, remoteAddress);
}

/** Pipes that end in this process, or in a thread or child of it, by their network or by what a connection of theirs calls its ends. */
function staysInProcess(name: string): boolean {
  return /^(?:memory|port|pipe|stdio)(?::|$)/.test(name);
}

function unguardedError(what: string): AstraError {
  const ways = 'pass a secret that all nodes of the network share, an authorize function that decides about each, or { insecure: true } for a wire that you trust; or listen on loopback';
  return new AstraError("ERR_ASTRANET_INSECURE", `${what}, and anybody could link: ${ways}`);
}

function insecureError(what: string): AstraError {
  return new AstraError("ERR_ASTRANET_INSECURE", `${what}, and links are in clear: pass { insecure: true } for a wire that you trust, or stay on loopback`);
}
