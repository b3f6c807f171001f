import type { Settings } from "@astranet/frame";
import { drawNodeId } from "@astranet/router";
import type { Connection } from "@astranet/transport";
import type { SimConnection } from "../net/sim-connection.ts";
import type { Identity } from "../node/life.ts";
import { SimTransport } from "../net/sim-transport.ts";
import { Process } from "../time/process.ts";
import type { SeededRandom } from "../time/seeded-random.ts";
import type { World } from "../world.ts";
import { AfterPreamble } from "./after-preamble.ts";
import { RawLink } from "./raw-link.ts";
import { modes, preamble, type Speaker } from "./words.ts";

/** A process that is no node, and says to nodes what it likes. */
export class Stranger {
  readonly id: string;
  readonly key: Uint8Array;
  readonly process: Process;
  protected readonly world: World;
  protected readonly random: SeededRandom;
  readonly #name: string;

  /** Default: with an id and key of its own. */
  constructor(world: World, name: string, identity?: Identity) {
    // Whoever meets it is right to say so.
    world.hasLiars = true;
    this.world = world;
    this.#name = name;
    this.random = world.random.fork(`stranger/${name}`);
    this.process = new Process(world.timeline, name, -1);
    const { id, key } = identity ?? { id: drawNodeId(this.random.bytes), key: this.random.bytes(16) };
    this.id = id;
    this.key = key;
  }

  /** A connection, over which nothing was said. From another host, if it has several. */
  dial(address: string, host: string = this.#name): Promise<SimConnection> {
    return new SimTransport(this.world.network, this.process, host).dial("sim", address);
  }

  /** A link in clear, spoken in frames. Settles once the node believes in it, if it does. */
  async link(address: string, role = "router", settings?: Settings): Promise<RawLink> {
    const { rest } = await this.greet(address, preamble(modes.insecure, 0, this.random.bytes(8)));
    return new RawLink(this.world, rest, this.speaker, role, settings);
  }

  protected get speaker(): Speaker {
    return { id: this.id, key: this.key, random: this.random.bytes };
  }

  /** A connection after both preambles, and the other end's. */
  protected async greet(address: string, ours: Uint8Array): Promise<{ readonly rest: Connection; readonly theirs: Uint8Array }> {
    const connection = await this.dial(address);
    connection.send([ours]);
    const rest = new AfterPreamble(connection);
    return { rest, theirs: await rest.preamble };
  }
}
