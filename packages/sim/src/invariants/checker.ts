import type { StoredRecord } from "@astranet/discovery";
import type { RouterEvent } from "@astranet/router";
import type { Life } from "../node/life.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { World } from "../world.ts";

/** Watches a world, and throws a Violation (or says `world.fail`, from within callbacks of the nodes) when something does not hold. All methods are optional. */
export interface Checker {
  attach?(world: World): void;
  /** A liar of the scenario made this up: that it is stored is no mistake of the nodes. */
  allow?(record: StoredRecord): void;
  began?(node: SimNode, life: Life): void;
  exited?(node: SimNode, life: Life): void;
  ended?(node: SimNode, life: Life): void;
  /** It gives way to another process under its id. Comes from within callbacks of the node. */
  superseded?(node: SimNode, life: Life): void;
  routerEvent?(node: SimNode, life: Life, event: RouterEvent): void;
  /** After every event and all its microtasks. Must be cheap. */
  afterEvent?(world: World): void;
  /** Every second of virtual time. */
  sweep?(world: World): void;
  /** Nothing has changed for long, and nothing will. */
  quiet?(world: World): void;
}
