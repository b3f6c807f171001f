// The program that main.ts starts: it answers in capitals.
import { stdioConnection } from "./stdio-transport.ts";

const connection = stdioConnection();
connection.start({
  data: (chunk) => {
    connection.send([new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())]);
  },
  drain: () => undefined,
  closed: (reason) => {
    if (reason !== undefined) process.exitCode = 1;
  },
});
