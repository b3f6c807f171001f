import { connect } from "node:net";
import { handSocket } from "@astranet/channel/node";

/** Connects to the port that it is given, twice, and hands the sockets to its parent, between messages that carry none. */
const port = Number(process.argv[2]);
for (const n of [1, 2]) {
  for (const message of ["words", { "astranet:socket": true, about: "no socket" }]) process.send!(message);
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  // Not ours: a socket with a message of the application's.
  if (n === 1) {
    const other = connect(port, "127.0.0.1");
    await new Promise((resolve) => other.once("connect", resolve));
    process.send!({ own: true }, other);
  }
  await handSocket(process, socket, { n });
}
process.once("message", () => process.disconnect());
