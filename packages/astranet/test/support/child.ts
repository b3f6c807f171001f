// Listens at the address it is given, tells its parent where, and runs until it is killed.
import { AstraNet, type Conn } from "astranet";

const net = new AstraNet();
const { address } = await net.listenAndServe("tcp4", process.argv[2] ?? "");
const held: Conn[] = [];
const listener = net.bind("", "child");
void (async () => {
  for await (const conn of listener) held.push(conn);
})();
process.send?.({ address, id: net.id });
