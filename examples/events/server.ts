// A room: server.ts [address, such as 127.0.0.1:8080/room]
import { listen } from "./listen.ts";

const { address } = await listen(process.argv[2] ?? "127.0.0.1:0/room");
console.log(address);
