import type { Stream } from "@astranet/mux";
import { AstraError, type RandomSource } from "@astranet/transport";
import { ask, type Authorize } from "../authorize.ts";
import type { NodeId } from "../node-id.ts";
import { decodeDialHeader, dialDenied, maxPort, type DialHeader } from "./dial-header.ts";
import { PortListener } from "./listener.ts";
import type { BindInit, Listener } from "./port-types.ts";

/** Free ports are handed out from here on: the upper half of all, which nobody picks by hand. */
const firstEphemeral = 0x80_00_00_00;

/** What a PortTable is made with. */
export interface PortTableInit {
  readonly id: NodeId;
  readonly random: RandomSource;
  readonly authorize?: Authorize | undefined;
  /** Dials that may wait at a listener, unless `bind` says otherwise. */
  readonly backlog: number;
  readonly maxListeners: number;
}

/** The virtual ports of this node: who listens where, and where an incoming dial goes. */
export class PortTable {
  readonly #init: PortTableInit;
  readonly #listeners = new Map<number, PortListener>();
  #next: number;

  constructor(init: PortTableInit) {
    this.#init = init;
    const [a = 0, b = 0, c = 0] = init.random(3);
    // A random start, so that a port of this node's last life is not soon somebody else's.
    this.#next = firstEphemeral + ((a << 16) | (b << 8) | c);
  }

  get listeners(): readonly Listener[] {
    return [...this.#listeners.values()];
  }

  /** Throws EADDRINUSE, EINVAL for a port or backlog that cannot be, ERR_ASTRANET_OVERLOAD beyond the limit of listeners. */
  bind(bind: BindInit): Listener {
    const { port = 0, service, env = "", backlog = this.#init.backlog } = bind;
    if (!Number.isInteger(port) || port < 0 || port > maxPort) throw new AstraError("EINVAL", `port ${String(port)} is not a whole number between 0 and ${maxPort}`);
    if (!Number.isInteger(backlog) || backlog < 0) throw new AstraError("EINVAL", `backlog ${String(backlog)} is not a whole number from 0 on`);
    if (this.#listeners.has(port)) throw new AstraError("EADDRINUSE", `port ${port} of this node is bound already`);
    if (this.#listeners.size >= this.#init.maxListeners) throw new AstraError("ERR_ASTRANET_OVERLOAD", `this node has ${this.#init.maxListeners} listeners already`);
    const bound = port === 0 ? this.takeEphemeral() : port;
    const listener = new PortListener({
      id: this.#init.id,
      port: bound,
      service,
      env,
      backlog,
      onconn: bind.onconn,
      ondrain: () => bind.ondrain?.(),
      onclose: () => {
        this.#listeners.delete(bound);
        bind.onclose?.();
      },
    });
    this.#listeners.set(bound, listener);
    return listener;
  }

  /** A port that nobody is bound to now. */
  takeEphemeral(): number {
    do {
      this.#next = this.#next === maxPort ? firstEphemeral : this.#next + 1;
    } while (this.#listeners.has(this.#next));
    return this.#next;
  }

  /** A stream of a dial came from `peer`: takes it to its listener, or refuses it. Throws ERR_ASTRANET_PROTOCOL for a malformed header. */
  incoming(stream: Stream, peer: NodeId): void {
    const header = decodeDialHeader(stream.header);
    // The other end of the link is who dials: it cannot speak for others.
    if (header.from.id !== peer) throw new AstraError("ERR_ASTRANET_PROTOCOL", `a dial from ${peer} says that it is from ${header.from.id}`);
    const { port, service, env } = header;
    const { isAllowed, mistake } = ask(peer === this.#init.id ? undefined : this.#init.authorize, { action: "dial", peer, port, service, env });
    if (!isAllowed) {
      stream.reset(dialDenied, `node ${peer} is not allowed to dial ${describe(header)}${mistake}`);
      return;
    }
    const listener = this.#find(header);
    if (listener === undefined) stream.refuse(refusal(header));
    else listener.offer(stream, header);
  }

  /** Closes every listener; dials that wait are refused. */
  async close(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  #find({ port, service, env }: DialHeader): PortListener | undefined {
    const serves = (listener: PortListener | undefined): boolean => service === undefined || (listener?.service === service && listener.env === env);
    if (port !== 0) {
      const listener = this.#listeners.get(port);
      return serves(listener) ? listener : undefined;
    }
    for (const listener of this.#listeners.values()) if (serves(listener)) return listener;
    return undefined;
  }
}

function refusal(header: DialHeader): string {
  return header.port === 0 ? `nobody is bound as ${describe(header)}` : `nobody is bound to ${describe(header)}`;
}

function describe({ port, service, env }: DialHeader): string {
  const name = service === undefined ? "" : `"${service}"${env === "" ? "" : ` in env "${env}"`}`;
  if (port === 0) return name;
  return `port ${port}${name === "" ? "" : ` as ${name}`}`;
}
