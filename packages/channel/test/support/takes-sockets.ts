import { handedSockets } from "@astranet/channel/node";

/** Says hello on each socket that it is handed. */
handedSockets(process, (socket, about) => {
  socket.end(`${(about as { greeting: string }).greeting} from ${String(process.pid)}`);
});
