// Starts a program, and talks to it over its standard input and output.
import { fileURLToPath } from "node:url";
import { StdioTransport } from "./stdio-transport.ts";

const child = fileURLToPath(new URL("child.ts", import.meta.url));
const address = [process.execPath, ...process.execArgv, child].map(encodeURIComponent).join(" ");
const connection = await new StdioTransport().dial("stdio", address);

const text = "hello from the other end of a pipe";
let answer = "";
connection.start({
  data: (chunk) => {
    answer += new TextDecoder().decode(chunk);
    if (answer.length === text.length) connection.close();
  },
  drain: () => undefined,
  closed: (reason) => {
    console.log(`sent ${text}\ngot  ${answer}`);
    if (reason !== undefined || answer !== text.toUpperCase()) process.exitCode = 1;
  },
});
connection.send([new TextEncoder().encode(text)]);
