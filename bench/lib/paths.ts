import { fileURLToPath } from "node:url";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const benchFolder: string = here("..");
export const rootFolder: string = here("../..");
/** Built children, profiles and quick results: never committed. */
export const cacheFolder: string = here("../node_modules/.cache");
export const resultsFolder: string = here("../results");
