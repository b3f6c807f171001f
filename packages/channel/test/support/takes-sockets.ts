import { handedSockets } from "@astranet/channel/node";

/** Says hello on each socket that it is handed; with `last` it leaves then. */
handedSockets(process, (socket, about) => {
  const { greeting, last } = about as { greeting: string; last?: boolean };
  socket.end(`${greeting} from ${String(process.pid)}`);
  if (last === true) process.disconnect();
});
