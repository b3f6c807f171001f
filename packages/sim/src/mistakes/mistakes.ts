import type { Mistake } from "./mistake.ts";
import { nodeMistakes } from "./node-mistakes.ts";
import { storeMistakes } from "./store-mistakes.ts";

/** Every mistake that can be switched on; each must be found. */
export const mistakes: readonly Mistake[] = [...storeMistakes, ...nodeMistakes];
