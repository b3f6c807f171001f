import { client, pipe, serve, type Call, type CallContext, type Client, type Receiver, type Sender } from "@astranet/channel";
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
  optional(a: number, b?: unknown): Promise<unknown[]>;
  words(): Promise<Receiver<string>>;
  bytes(): Promise<ReadableStream<Uint8Array>>;
  pair(): Promise<{ readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }>;
  directly(): AsyncIterable<string>;
  later(): AsyncIterable<number>;
  plainly(): AsyncIterable<number>;
  none(): AsyncIterable<number>;
  upload(path: string, chunks: AsyncIterable<number>, others?: AsyncIterable<number>): Promise<number>;
  two(numbers: AsyncIterable<number>): Promise<number[]>;
  early(numbers: AsyncIterable<number>): AsyncIterable<number>;
  ignores(blocks: AsyncIterable<Uint8Array>): Promise<never>;
}

/** Both ends of a byte stream within this process. Iterable itself, as a mux Stream is. */
class Echo extends TransformStream<Uint8Array, Uint8Array> {
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    throw new Error("it is handed over, not iterated");
  }
}

/** What the methods have seen. */
interface Seen {
  readonly aborted: unknown[];
  readonly broken: unknown[];
  returned: number;
}

/** Of one call. */
class Service {
  readonly seen: Seen;
  readonly #context: CallContext;

  constructor(seen: Seen, context: CallContext) {
    this.seen = seen;
    this.#context = context;
  }

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

  forever(): Promise<never> {
    const { signal } = this.#context;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.seen.aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  }

  async *endless(): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n += 1) yield n;
    } finally {
      this.seen.returned += 1;
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

  async optional(...args: unknown[]): Promise<unknown[]> {
    return args;
  }

  async words(): Promise<Receiver<string>> {
    return wordsOf("to", "be");
  }

  async bytes(): Promise<ReadableStream<Uint8Array>> {
    return new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Uint8Array.of(1, 2, 3));
        controller.close();
      },
    });
  }

  async pair(): Promise<{ readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }> {
    return new Echo(undefined, { highWaterMark: 1 }, { highWaterMark: 1 });
  }

  directly(): Receiver<string> {
    return wordsOf("not", "to", "be");
  }

  async later(): Promise<AsyncIterable<number>> {
    return numbersTo(3);
  }

  plainly(): AsyncIterable<number> {
    return { [Symbol.asyncIterator]: () => numbersTo(2) };
  }

  async *none(): AsyncGenerator<number> {
    // Nothing.
  }

  async upload(_path: string, chunks: AsyncIterable<number>, others?: AsyncIterable<number>): Promise<number> {
    try {
      return (await this.sum(chunks)) + (others === undefined ? 0 : await this.sum(others));
    } catch (error) {
      this.seen.broken.push(error);
      throw error;
    }
  }

  async two(numbers: AsyncIterable<number>): Promise<number[]> {
    const found: number[] = [];
    for await (const n of numbers) if (found.push(n) === 2) break;
    // The caller hears that before there is a result.
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
    return found;
  }

  async *early(_numbers: AsyncIterable<number>): AsyncGenerator<number> {
    yield 1;
  }

  async ignores(_blocks: AsyncIterable<Uint8Array>): Promise<never> {
    throw new Error("not today");
  }
}

/** A channel that gives words, and ends. */
function wordsOf(...words: string[]): Receiver<string> {
  const { sender, receiver } = pipe<string>({ capacity: words.length });
  for (const word of words) sender.trySend(word);
  void sender.close();
  return receiver;
}

async function* numbersTo(to: number): AsyncGenerator<number> {
  for (let n = 1; n <= to; n += 1) yield n;
}

/** Numbers without end, and when whoever gives them was told to stop. */
function endlessNumbers(): { endless: AsyncIterable<number>; end: Promise<void> } {
  let ended = (): void => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const endless = async function* (): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n += 1) yield n;
    } finally {
      ended();
    }
  };
  return { endless: endless(), end };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Calls over whatever a channel leads through. */
export function rpcBody(name: string, begin: () => Promise<Sides>): void {
  const using = async (body: (calls: Client<Calculator>, seen: Seen, sender: Sender<Call>, served: Promise<void>) => Promise<void>): Promise<void> => {
    const sides = await begin();
    try {
      const { sender, receiver } = await sides.channel<Call>();
      const seen: Seen = { aborted: [], broken: [], returned: 0 };
      const served = serve<Calculator>(receiver, (context) => new Service(seen, context));
      served.catch(() => undefined);
      await body(client<Calculator>(sender), seen, sender, served);
    } finally {
      await sides.end();
    }
  };

  describe(`a service ${name}`, () => {
    it("is called, many times at once", () =>
      using(async (calls, _seen, sender, served) => {
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
      using(async (calls, seen, sender, served) => {
        const abort = new AbortController();
        const called = client<Calculator>(sender, { signal: abort.signal }).forever();
        // A call that comes after it is through: so that one has arrived.
        await calls.add(1, 1);
        abort.abort(new Error("enough"));
        await expect(called).rejects.toBe(abort.signal.reason);
        await sender.close();
        await served;
        expect(seen.aborted).toEqual([expect.objectContaining({ code: "EPIPE" })]);
      }));

    it("tells a stream of results that nobody reads on", () =>
      using(async (calls, seen, sender, served) => {
        for await (const n of calls.endless()) if (n === 10) break;
        await sender.close();
        await served;
        expect(seen.returned).toBe(1);
      }));

    it("takes channels as arguments", () =>
      using(async (calls) => {
        const events = pipe<string>({ capacity: 5 });
        const watched = calls.watch(events.receiver);
        for (const word of ["to", "be"]) await events.sender.send(word);
        void events.sender.close();
        expect(await watched).toBe("to be");
      }));

    it("says EINVAL for a method that is not there, Object's included, and for a result that cannot be sent", () =>
      using(async (calls) => {
        const odd = calls as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
        for (const method of ["nothing", "constructor", "toString", "__proto__", "seen"]) await expect(Promise.resolve(odd[method]!())).rejects.toMatchObject({ code: "EINVAL" });
        await expect(calls.odd()).rejects.toMatchObject({ code: "EINVAL" });
        expect(await calls.add(1, 2)).toBe(3);
      }));

    it("says how a result is to be had: awaited or iterated", () =>
      using(async (calls, seen, sender, served) => {
        await expect(Promise.resolve(calls.endless() as unknown as Promise<number>)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("iterated") as string });
        await expect(Promise.resolve(calls.none() as unknown as Promise<number>)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("iterated") as string });
        await expect(all(calls.add(1, 2) as unknown as AsyncIterable<number>)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("awaited") as string });
        await expect(all(calls.fail("so") as unknown as AsyncIterable<number>)).rejects.toMatchObject({ name: "RangeError" });
        await sender.close();
        await served;
        // Nobody would have had the rest.
        expect(seen.returned).toBe(1);
      }));

    it("gives a method exactly the arguments of its call", () =>
      using(async (calls) => {
        expect(await calls.optional(1)).toEqual([1]);
        for (const b of [undefined, {}, { signal: undefined }, { signal: "red" }]) expect(await calls.optional(1, b)).toEqual([1, b]);
      }));

    it("hands over a result that is a channel or a byte stream, though it could be iterated", () =>
      using(async (calls) => {
        expect(await all(await calls.words())).toEqual(["to", "be"]);
        expect((await (await calls.bytes()).getReader().read()).value).toEqual(Uint8Array.of(1, 2, 3));
        const { readable, writable } = await calls.pair();
        const written = writable.getWriter().write(Uint8Array.of(4));
        expect((await readable.getReader().read()).value).toEqual(Uint8Array.of(4));
        await written;
      }));

    it("streams what a method returns directly, and what comes of a promise and is neither", () =>
      using(async (calls) => {
        expect(await all(calls.directly())).toEqual(["not", "to", "be"]);
        expect(await all(calls.later())).toEqual([1, 2, 3]);
        expect(await all(calls.plainly())).toEqual([1, 2]);
        expect(await all(calls.none())).toEqual([]);
      }));

    it("takes a stream of arguments that is a plain object", () =>
      using(async (calls) => {
        expect(await calls.sum({ [Symbol.asyncIterator]: () => numbersTo(4) })).toBe(10);
      }));

    it("rejects with what the caller's own stream of arguments throws, itself; the method hears ECONNRESET, in each stream", () =>
      using(async (calls, seen, sender, served) => {
        const error = new RangeError("out of paper");
        const failing = async function* (): AsyncGenerator<number> {
          yield 1;
          throw error;
        };
        await expect(Promise.resolve(calls.upload("x", failing()))).rejects.toBe(error);
        await expect(all(calls.double(failing()))).rejects.toBe(error);
        // The one that is read would be waited for in vain, were it not for the other one.
        const fails: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
        await expect(Promise.resolve(calls.upload("x", quiet(), fails))).rejects.toBe(error);
        const unsendable = async function* (): AsyncGenerator<number> {
          yield (() => 1) as never;
        };
        await expect(Promise.resolve(calls.upload("x", unsendable()))).rejects.toMatchObject({ code: "EINVAL" });
        await sender.close();
        await served;
        expect(seen.broken).toHaveLength(3);
        for (const broken of seen.broken) {
          expect(broken).toMatchObject({ code: "ECONNRESET" });
          expect([(broken as Error).message, String((broken as Error).cause)].join()).toMatch(/out of paper|EINVAL/);
        }
      }));

    it("may take less of a stream of arguments than there is, which ends it", () =>
      using(async (calls) => {
        const { endless, end } = endlessNumbers();
        expect(await calls.two(endless)).toEqual([0, 1]);
        await end;
      }));

    it("ends a stream of arguments that its method has not read when it is through", { timeout: 8000 }, () =>
      using(async (calls) => {
        const { endless, end } = endlessNumbers();
        expect(await all(calls.early(endless))).toEqual([1]);
        await end;
      }));

    it("is over when its results are, whatever a stream of arguments throws then", () =>
      using(async (calls) => {
        let fail = (_error: Error): void => undefined;
        const failing = new Promise<never>((_resolve, reject) => (fail = reject));
        const results = calls.early({ [Symbol.asyncIterator]: () => ({ next: () => failing }) })[Symbol.asyncIterator]() as AsyncIterableIterator<number>;
        expect(await all(results)).toEqual([1]);
        fail(new Error("too late"));
        for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
        expect(await results.next()).toEqual({ done: true, value: undefined });
      }));

    it("ends streams of arguments of a call that failed, and of a method that is not there", () =>
      using(async (calls) => {
        let ends = 0;
        let ended = (): void => undefined;
        const end = new Promise<void>((resolve) => (ended = resolve));
        const endless = async function* (): AsyncGenerator<Uint8Array> {
          try {
            for (;;) yield new Uint8Array(10_000);
          } finally {
            if ((ends += 1) === 2) ended();
          }
        };
        await expect(Promise.resolve(calls.ignores(endless()))).rejects.toMatchObject({ message: "not today" });
        const odd = calls as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
        await expect(Promise.resolve(odd["nothing"]!(endless()))).rejects.toMatchObject({ code: "EINVAL" });
        await end;
      }));

    it("breaks the streams of arguments of a caller who leaves", () =>
      using(async (calls, _seen, sender, served) => {
        for await (const n of calls.double(oneAndQuiet())) {
          expect(n).toBe(2);
          break;
        }
        await sender.close();
        // The method would wait for the next number.
        await served;
      }));

    it("gives results once: iterated or awaited, and then not again", () =>
      using(async (calls) => {
        const again = { code: "ERR_ASTRANET_INVALID_STATE", message: expect.stringContaining("already") as string };
        const counted = calls.count(3);
        expect(await all(counted)).toEqual([0, 1, 2]);
        await expect(all(counted)).rejects.toMatchObject(again);
        await expect(Promise.resolve(counted as unknown as Promise<number>)).rejects.toMatchObject(again);
        const added = calls.add(1, 2);
        expect([await added, await added]).toEqual([3, 3]);
        await expect(all(added as unknown as AsyncIterable<number>)).rejects.toMatchObject(again);
      }));

    it("gives results to an iterator that asks ahead, in their order, and says the end as often as it is asked", () =>
      using(async (calls) => {
        const counted = calls.count(2)[Symbol.asyncIterator]();
        const end = { done: true, value: undefined };
        expect(await Promise.all([counted.next(), counted.next(), counted.next(), counted.next()])).toEqual([{ done: false, value: 0 }, { done: false, value: 1 }, end, end]);
        expect(await counted.next()).toEqual(end);
        const left = calls.endless()[Symbol.asyncIterator]();
        expect(await left.next()).toEqual({ done: false, value: 0 });
        expect(await left.return!()).toEqual(end);
        expect(await left.next()).toEqual(end);
        const failing = calls.double((async function* () {
          yield -1;
        })())[Symbol.asyncIterator]();
        await expect(failing.next()).rejects.toMatchObject({ message: "negative" });
        expect(await failing.next()).toEqual(end);
        // Who has looked at the first ones may leave the rest to a loop.
        const rest = calls.count(3)[Symbol.asyncIterator]() as AsyncIterableIterator<number>;
        await rest.next();
        expect(await all(rest)).toEqual([1, 2]);
      }));

    it("may hand on what another service answers: one result, a stream, or an error", () =>
      using(async (calls) => {
        const { sender, receiver } = pipe<Call>();
        const served = serve<Pick<Calculator, "add" | "count" | "fail" | "words" | "none">>(receiver, {
          add: (a, b) => calls.add(a, b),
          count: (to) => calls.count(to),
          fail: (why) => calls.fail(why),
          words: () => calls.words(),
          none: () => calls.none(),
        });
        const handed = client<Calculator>(sender);
        expect(await handed.add(1, 2)).toBe(3);
        expect(await all(handed.count(3))).toEqual([0, 1, 2]);
        expect(await all(handed.none())).toEqual([]);
        expect(await all(await handed.words())).toEqual(["to", "be"]);
        await expect(handed.fail("far")).rejects.toMatchObject({ name: "RangeError", message: "far" });
        await sender.close();
        await served;
      }));
  });
}

/** Gives nothing, and does not end. */
function quiet(): AsyncIterable<number> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
}

async function* oneAndQuiet(): AsyncGenerator<number> {
  yield 1;
  yield* quiet();
}
