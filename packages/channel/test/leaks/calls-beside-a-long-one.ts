import { client, pipe, serve, type Call } from "@astranet/channel";

interface Service {
  long(): Promise<never>;
  short(): Promise<number>;
}

/** Serves calls of which one never ends, as many at once as are allowed; gives what the heap has grown by. */
export async function callsBesideALongOne(count: number): Promise<number> {
  const { sender, receiver } = pipe<Call>();
  void serve<Service>(receiver, { long: () => new Promise<never>(() => undefined), short: () => Promise.resolve(1) }, { maxCalls: 2 });
  const calls = client<Service>(sender);
  const long = calls.long();
  const run = async (times: number): Promise<number> => {
    for (let n = 0; n < times; n += 1) await calls.short();
    globalThis.gc!();
    return process.memoryUsage().heapUsed;
  };
  const before = await run(1000);
  const after = await run(count);
  void long;
  return after - before;
}
