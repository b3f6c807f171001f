// prints: every case holds
import { PassThrough } from "node:stream";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { AstraError, toConnection, type Transport } from "@astranet/transport";
import { toConnection as duplexToConnection } from "@astranet/transport/node";
import { conformance } from "@astranet/transport/testing";

const listening = new Map<string, (port: MessagePort) => void>();

/** Message channels, found by a name. */
const channels: Transport = {
  networks: ["channel"],
  async dial(network, address, options = {}) {
    if (network !== "channel") throw new AstraError("EINVAL", `no network '${network}' here`);
    options.signal?.throwIfAborted();
    await new Promise(setImmediate);
    options.signal?.throwIfAborted();
    const accept = listening.get(address);
    if (accept === undefined) throw new AstraError("ECONNREFUSED", `nobody is called '${address}'`);
    const { port1, port2 } = new MessageChannel();
    accept(port2);
    return toConnection(port1);
  },
  async listen(network, address, { onconnection, signal }) {
    if (network !== "channel") throw new AstraError("EINVAL", `no network '${network}' here`);
    signal?.throwIfAborted();
    if (listening.has(address)) throw new AstraError("EADDRINUSE", `somebody is called '${address}'`);
    listening.set(address, (port) => {
      onconnection(toConnection(port));
    });
    let ended!: () => void;
    const closed = new Promise<void>((resolve) => (ended = resolve));
    const close = (): Promise<void> => {
      listening.delete(address);
      ended();
      return closed;
    };
    return { address, closed, close, [Symbol.asyncDispose]: close };
  },
};

const cases: [title: string, run: () => Promise<void>][] = [];
const test = (title: string, run: () => Promise<void>): unknown => cases.push([title, run]);
let names = 0;
conformance({ test, bulkBytes: 1 << 20, transport: () => channels, network: "channel", address: () => `name ${String(names++)}` });
if (cases.length < 10) throw new Error(`only ${String(cases.length)} cases`);

// A pipe that gives back what it is given.
const loop = duplexToConnection(new PassThrough());
cases.push([
  "a stream of Node is a connection",
  () =>
    new Promise((resolve, reject) => {
      let received = 0;
      loop.start({
        data: (chunk) => {
          received += chunk.byteLength;
          if (received === 5) loop.close();
        },
        drain: () => undefined,
        closed: (reason) => {
          if (reason === undefined && received === 5) resolve();
          else reject(new Error(`${String(received)} bytes came back`, { cause: reason }));
        },
      });
      loop.send([new TextEncoder().encode("hello")]);
    }),
]);

let broken = 0;
for (const [title, run] of cases) {
  await run().catch((error: unknown) => {
    broken += 1;
    console.error(title, error);
  });
}
console.log(broken === 0 ? "every case holds" : `${String(broken)} cases do not hold`);
