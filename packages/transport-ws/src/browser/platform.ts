import type { Platform } from "../platform.ts";
import { dial } from "./dial.ts";

export const platform: Platform = { dial };
