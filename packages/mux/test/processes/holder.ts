import { Session } from "@astranet/mux";
import { listen } from "./tcp.ts";

/** A server that holds the streams it is given, and echoes what comes on those of type 1. `holder.ts STREAMS IDLE_TIMEOUT_MS` */
const [streams = "0", idleTimeoutMs = "15000"] = process.argv.slice(2);
let held = 0;
const { port } = await listen((connection) => {
  new Session(connection, {
    role: "server",
    keepAlive: { idleTimeoutMs: Number(idleTimeoutMs) },
    onstream(stream) {
      if (++held === Number(streams)) console.log("held");
      if (stream.type !== 1) return;
      stream.attach({
        data(chunk) {
          stream.consume(chunk.length);
          void stream.write(chunk);
        },
        end: () => undefined,
        reset: () => undefined,
      });
    },
  }).closed.then(
    () => {
      console.log("closed");
    },
    (error: unknown) => {
      console.log(`broke: ${error instanceof Error ? error.message : "?"}`);
    },
  );
});
console.log(port);
