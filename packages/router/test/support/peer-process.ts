// A node in a process of its own, for tests that kill or stop it: echoes on port 7, holds what comes to port 8.
import { RecordStore } from "@astranet/discovery";
import { Router, drawNodeId, makeIncarnation, type Conn } from "@astranet/router";
import { systemRandom } from "@astranet/transport";
import { TcpTransport } from "@astranet/transport-tcp";

const [address = "127.0.0.1:0", idleTimeoutMs = "15000"] = process.argv.slice(2);
const store = new RecordStore({ self: drawNodeId(systemRandom), incarnation: makeIncarnation(Date.now(), systemRandom) });
const router = new Router({ store, transports: [new TcpTransport()], idleTimeoutMs: Number(idleTimeoutMs) });

async function echo(): Promise<void> {
  for await (const conn of router.bind({ port: 7 })) {
    void (async () => {
      for await (const chunk of conn) await conn.write(chunk);
      await conn.end();
    })().catch(() => undefined);
  }
}

async function hold(): Promise<void> {
  const held = new Set<Conn>();
  for await (const conn of router.bind({ port: 8, backlog: 100_000 })) held.add(conn);
}

void echo();
void hold();
const listener = await router.listen("tcp", address);
process.stdout.write(`${JSON.stringify({ id: router.id, address: listener.address })}\n`);
