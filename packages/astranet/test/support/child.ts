// Listens at the address it is given, tells its parent where, and runs until it is killed.
import { AstraNet } from "astranet";

const net = new AstraNet();
const { address } = await net.listenAndServe("tcp4", process.argv[2] ?? "");
net.bind("", "child");
process.send?.({ address, id: net.id });
