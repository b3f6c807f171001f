import { client, serve, type Call, type CallContext, type Client, type Receiver, type Sender } from "@astranet/channel";
import { describe, expect, it } from "vitest";
import type { Sides } from "./channel-body.ts";

interface Calculator {
  add(a: number, b: number): Promise<number>;
  fail(why: string): Promise<never>;
  count(to: number): AsyncIterable<number>;
  sum(numbers: AsyncIterable<number>): Promise<number>;
  double(numbers: AsyncIterable<number>): AsyncIterable<number>;
  forever(): Promise<never>;
  endless(): AsyncIterable<number>;
  watch(events: Receiver<string>): Promise<string>;
  odd(): Promise<unknown>;
}

class Service {
  readonly aborted: unknown[] = [];
  returned = 0;

  add(a: number, b: number): number {
    return a + b;
  }

  async fail(why: string): Promise<never> {
    throw Object.assign(new RangeError(why), { code: "EFAILED" });
  }

  async *count(to: number): AsyncGenerator<number> {
    for (let n = 0; n < to; n += 1) yield n;
  }

  async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const n of numbers) sum += n;
    return sum;
  }

  async *double(numbers: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const n of numbers) {
      if (n < 0) throw new Error("negative");
      yield 2 * n;
    }
  }

  forever({ signal }: CallContext): Promise<never> {
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  }

  async *endless(): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n += 1) yield n;
    } finally {
      this.returned += 1;
    }
  }

  async watch(events: Receiver<string>): Promise<string> {
    const words: string[] = [];
    for await (const word of events) words.push(word);
    return words.join(" ");
  }

  async odd(): Promise<unknown> {
    return () => "a function";
  }
}

async function* numbersTo(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n += 1) yield n;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Calls over whatever a channel leads through. */
export function rpcBody(name: string, begin: () => Promise<Sides>): void {
  const using = async (body: (calls: Client<Calculator>, service: Service, sender: Sender<Call>, served: Promise<void>) => Promise<void>): Promise<void> => {
    const sides = await begin();
    try {
      const { sender, receiver } = await sides.channel<Call>();
      const service = new Service();
      const served = serve<Calculator>(receiver, service);
      served.catch(() => undefined);
      await body(client<Calculator>(sender), service, sender, served);
    } finally {
      await sides.end();
    }
  };

  describe(`a service ${name}`, () => {
    it("is called, many times at once", () =>
      using(async (calls, _service, sender, served) => {
        expect(await Promise.all(Array.from({ length: 100 }, (_, n) => calls.add(n, 1)))).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
        await sender.close();
        await served;
      }));

    it("gives the caller what a method threw", () =>
      using(async (calls) => {
        await expect(calls.fail("too far")).rejects.toMatchObject({ name: "RangeError", message: "too far", code: "EFAILED" });
      }));

    it("streams results, arguments, and both", () =>
      using(async (calls) => {
        expect(await all(calls.count(50))).toEqual(Array.from({ length: 50 }, (_, n) => n));
        expect(await calls.sum(numbersTo(100))).toBe(5050);
        expect(await all(calls.double(numbersTo(20)))).toEqual(Array.from({ length: 20 }, (_, n) => 2 * (n + 1)));
        await expect(
          all(
            calls.double(
              (async function* () {
                yield 1;
                yield -1;
              })(),
            ),
          ),
        ).rejects.toMatchObject({ message: "negative" });
      }));

    it("tells a method that its caller gave up", () =>
      using(async (calls, service, sender, served) => {
        const abort = new AbortController();
        const called = calls.forever({ signal: abort.signal });
        // A call that comes after it is through: so that one has arrived.
        await calls.add(1, 1);
        abort.abort(new Error("enough"));
        await expect(called).rejects.toBe(abort.signal.reason);
        await sender.close();
        await served;
        expect(service.aborted).toEqual([expect.objectContaining({ code: "EPIPE" })]);
      }));

    it("tells a stream of results that nobody reads on", () =>
      using(async (calls, service, sender, served) => {
        for await (const n of calls.endless()) if (n === 10) break;
        await sender.close();
        await served;
        expect(service.returned).toBe(1);
      }));

    it("takes channels as arguments", () =>
      using(async (calls) => {
        const { pipe } = await import("@astranet/channel");
        const events = pipe<string>({ capacity: 5 });
        const watched = calls.watch(events.receiver);
        for (const word of ["to", "be"]) await events.sender.send(word);
        void events.sender.close();
        expect(await watched).toBe("to be");
      }));

    it("says EINVAL for a method that is not there, Object's included, and for a result that cannot be sent", () =>
      using(async (calls) => {
        const odd = calls as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
        for (const method of ["nothing", "constructor", "toString", "__proto__", "aborted"]) await expect(Promise.resolve(odd[method]!())).rejects.toMatchObject({ code: "EINVAL" });
        await expect(calls.odd()).rejects.toMatchObject({ code: "EINVAL" });
        expect(await calls.add(1, 2)).toBe(3);
      }));

    it("says how a result is to be had: awaited or iterated", () =>
      using(async (calls) => {
        await expect(Promise.resolve(calls.count(3) as unknown as Promise<number>)).rejects.toMatchObject({ code: "EINVAL" });
        await expect(all(calls.add(1, 2) as unknown as AsyncIterable<number>)).rejects.toMatchObject({ code: "EINVAL" });
      }));
  });
}
