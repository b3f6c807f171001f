// A worker that begins its first job and never answers: the tests kill it. stuck-worker.ts <address of the hub>
import { Channels, pipe } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import type { Job, Registration } from "./messages.ts";

const channels = new Channels(await new TcpTransport().dial("tcp4", process.argv[2]!), { role: "client" });
const { sender: jobs, receiver } = pipe<Job>();
const registrations = channels.open<Registration>();
await registrations.send({ name: "stuck", jobs });
await registrations.close();
const { below } = await receiver.receive();
console.log(`stuck counts below ${below}`);
