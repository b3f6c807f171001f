// A worker: worker.ts <address of the hub> <its own name>
import { Channels, pipe } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import { countPrimes } from "./count-primes.ts";
import type { Job, Registration } from "./messages.ts";

const [address = "", name = ""] = process.argv.slice(2);
const channels = new Channels(await new TcpTransport().dial("tcp4", address), { role: "client" });
const { sender: jobs, receiver } = pipe<Job>();
const registrations = channels.open<Registration>();
await registrations.send({ name, jobs });
await registrations.close();

for await (const { below, count } of receiver) {
  console.log(`${name} counts below ${below}`);
  await count.send(await countPrimes(below));
  await count.close();
}
await channels.close();
