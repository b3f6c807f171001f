// A node that only carries what others say to each other. Its arguments: the secret, and the addresses it joins.
import { once } from "node:events";
import { AstraNet } from "astranet";
import type { FromRelay } from "./messages.ts";

const [secret = "", ...addresses] = process.argv.slice(2);
const net = new AstraNet({ role: "router", secret });
const { address } = await net.listenAndServe("tcp4", "127.0.0.1:0");
await Promise.all(addresses.map((each) => net.join("tcp4", each)));
process.send?.({ address, id: net.id } satisfies FromRelay);
await once(process, "message");
await net.close();
process.disconnect();
