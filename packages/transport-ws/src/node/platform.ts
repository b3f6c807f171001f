import type { Platform } from "../platform.ts";
import { dial } from "./dial.ts";
import { listen } from "./listen.ts";

export const platform: Platform = { dial, listen };
