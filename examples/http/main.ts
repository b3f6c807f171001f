import { serveToTheServer } from "./serve-to-the-server.ts";
import { underAName } from "./under-a-name.ts";

await underAName();
await serveToTheServer();
