// Joins its standard input and output to a TCP port: `relay.ts <port>`. The tests hold its other end.
import { connect } from "node:net";
import { pipeline } from "node:stream";

const socket = connect({ host: "127.0.0.1", port: Number(process.argv[2]), allowHalfOpen: true });
// Each direction ends by itself; a broken one breaks the other.
pipeline(process.stdin, socket, (error) => {
  if (error) socket.destroy();
});
pipeline(socket, process.stdout, (error) => {
  if (error) socket.destroy();
});
