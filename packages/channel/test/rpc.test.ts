import { Channels, client, pipe, serve, type Call, type CallContext, type Receiver } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { sidesOf } from "./support/channel-body.ts";
import { rpcBody } from "./support/rpc-body.ts";

rpcBody("within one process", () => Promise.resolve({ channel: () => Promise.resolve(pipe()), channelBack: () => Promise.resolve(pipe()), end: () => undefined }));

rpcBody("over a session", () => {
  const [here, there] = memoryPair();
  return Promise.resolve(sidesOf(new Channels(here, { role: "client" }), new Channels(there, { role: "server" })));
});

/** Lets everything happen that waits for nothing from outside. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
}

/** A promise, and what resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

interface Worker {
  work(): Promise<number>;
}

/** Calls of `work` that are begun, each until it is told to end. */
class Work implements Worker {
  readonly #running: (() => void)[] = [];
  most = 0;

  get running(): number {
    return this.#running.length;
  }

  async work(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#running.push(resolve);
      this.most = Math.max(this.most, this.running);
    });
    return this.most;
  }

  end(): void {
    this.#running.shift()!();
  }
}

describe("serve", () => {
  it("runs maxCalls at once, and the next one waits", async () => {
    for (const maxCalls of [1, 3]) {
      const { sender, receiver } = pipe<Call>();
      const work = new Work();
      const served = serve<Worker>(receiver, work, { maxCalls });
      const calls = client<Worker>(sender);
      const results = Promise.all(Array.from({ length: 10 }, () => calls.work()));
      for (let n = 0; n < 10; n += 1) {
        await settled();
        expect(work.running).toBe(Math.min(maxCalls, 10 - n));
        work.end();
      }
      expect(Math.max(...(await results))).toBe(maxCalls);
      void sender.close();
      await served;
    }
  });

  it("tells methods that the channel broke also while maxCalls of them run", async () => {
    interface Patient {
      waits(): Promise<never>;
    }
    const { sender, receiver } = pipe<Call>();
    const told: unknown[] = [];
    const served = serve<Patient>(receiver, ({ signal }) => ({
      waits: () =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            told.push(signal.reason);
            reject(signal.reason);
          });
        }),
    }), { maxCalls: 1 });
    const call = client<Patient>(sender).waits();
    call.catch(() => undefined);
    await settled();
    sender.abort(new Error("no more power"));
    await expect(served).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(told).toEqual([expect.objectContaining({ code: "ECONNRESET" })]);
  });

  it("leaves a stream of results that has nothing when its caller gives up: a channel's, and another service's", async () => {
    interface News {
      own(): AsyncIterable<string>;
      others(): AsyncIterable<string>;
    }
    const { sender: publish, receiver: news } = pipe<string>();
    const upstream = pipe<Call>();
    const quiet = gate();
    void serve<Pick<News, "own">>(upstream.receiver, { own: () => news });
    const { sender, receiver } = pipe<Call>();
    void serve<News>(receiver, {
      own: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: () => (quiet.open(), Promise.reject(new Error("too late"))) }) }),
      others: () => client<Pick<News, "own">>(upstream.sender).own(),
    });
    const calls = client<News>(sender);
    for (const method of ["own", "others"] as const) {
      const results = calls[method]()[Symbol.asyncIterator]();
      void results.next();
      if (method === "others") await publish.send("first");
      await settled();
      await results.return!();
    }
    await quiet.opened;
    await settled();
    await expect(publish.send("second")).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("runs 1,024 calls at once by default", async () => {
    const { sender, receiver } = pipe<Call>();
    const work = new Work();
    const served = serve<Worker>(receiver, work);
    const calls = client<Worker>(sender);
    const results = Promise.all(Array.from({ length: 1030 }, () => calls.work()));
    while (work.running < 1024) await Promise.resolve();
    await settled();
    expect(work.running).toBe(1024);
    for (let n = 0; n < 1030; n += 1) {
      while (work.running === 0) await Promise.resolve();
      work.end();
    }
    await results;
    void sender.close();
    await served;
  });

  it("resolves when the channel has ended and every call was answered", async () => {
    const { sender, receiver } = pipe<Call>();
    const work = new Work();
    let isOver = false;
    const served = serve<Worker>(receiver, work).finally(() => (isOver = true));
    const called = client<Worker>(sender).work();
    await settled();
    await sender.close();
    await settled();
    expect(isOver).toBe(false);
    work.end();
    expect(await called).toBe(1);
    await served;
  });

  it("rejects with EINVAL what it cannot serve", async () => {
    const { sender, receiver } = pipe<Call>();
    for (const maxCalls of [0, -1, 1.5, NaN, Infinity, "7" as never]) await expect(serve(receiver, {}, { maxCalls })).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("maxCalls") as string });
    for (const calls of [sender, undefined, null, {}]) await expect(serve(calls as never, {})).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("Receiver") as string });
    for (const implementation of [undefined, null, 7, "work"]) await expect(serve<Worker>(receiver, implementation as never)).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("implementation") as string });
  });

  it("asks a function for the implementation of each call, with its own context; what that throws is the answer", async () => {
    interface Who {
      who(name: string): Promise<string>;
    }
    const { sender, receiver } = pipe<Call>();
    const contexts: CallContext[] = [];
    const served = serve<Who>(receiver, (context) => {
      contexts.push(context);
      if (contexts.length === 3) throw new RangeError("no more");
      if (contexts.length === 4) return undefined as never;
      return { who: (name) => `${name} ${contexts.length}` };
    });
    const calls = client<Who>(sender);
    expect([await calls.who("a"), await calls.who("b")]).toEqual(["a 1", "b 2"]);
    await expect(calls.who("c")).rejects.toMatchObject({ name: "RangeError", message: "no more" });
    await expect(calls.who("d")).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining("implementation") as string });
    expect(new Set(contexts).size).toBe(4);
    await sender.close();
    await served;
  });

  it("tells a method that its caller is gone, whether it asks before or after", async () => {
    const { sender, receiver } = pipe<Call>();
    const [first, second] = [gate(), gate()];
    const reasons: unknown[] = [];
    const served = serve<{ asks(): Promise<void>; waits(): Promise<void> }>(receiver, (context) => ({
      async asks() {
        const { signal } = context;
        expect(context.signal).toBe(signal);
        await first.opened;
        expect(signal.aborted).toBe(true);
        reasons.push(signal.reason);
      },
      async waits() {
        await second.opened;
        expect(context.signal.aborted).toBe(true);
        reasons.push(context.signal.reason);
      },
    }));
    const abort = new AbortController();
    const calls = client<{ asks(): Promise<void>; waits(): Promise<void> }>(sender, { signal: abort.signal });
    const called = [calls.asks(), calls.waits()].map((each) => expect(each).rejects.toBe("enough"));
    await settled();
    abort.abort("enough");
    await Promise.all(called);
    first.open();
    second.open();
    void sender.close();
    await served;
    expect(reasons).toEqual([expect.objectContaining({ code: "EPIPE" }), expect.objectContaining({ code: "EPIPE" })]);
  });

  it("tells methods that the channel broke, whether they ask before or after, and rejects once they are through", async () => {
    interface Patient {
      asks(): Promise<never>;
      waits(): Promise<never>;
      quick(): Promise<number>;
    }
    const { sender, receiver } = pipe<Call>();
    const reasons: unknown[] = [];
    const signals: AbortSignal[] = [];
    const broke = gate();
    const served = serve<Patient>(receiver, (context) => ({
      asks: () =>
        new Promise((_resolve, reject) => {
          const { signal } = context;
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
      async waits() {
        await broke.opened;
        await settled();
        const { signal } = context;
        expect(signal.aborted).toBe(true);
        reasons.push(signal.reason);
        throw signal.reason;
      },
      quick: () => signals.push(context.signal),
    }));
    const calls = client<Patient>(sender);
    const waiting = [calls.asks(), calls.waits()].map((each) => expect(each).rejects.toMatchObject({ code: "ECONNRESET" }));
    expect(await calls.quick()).toBe(1);
    sender.abort(new Error("pulled"));
    broke.open();
    await expect(served).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(reasons).toEqual([expect.objectContaining({ code: "ECONNRESET" }), expect.objectContaining({ code: "ECONNRESET" })]);
    await Promise.all(waiting);
    // Of a call that was answered before, no more.
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it("tells every one of many calls that the channel broke", async () => {
    const { sender, receiver } = pipe<Call>();
    let told = 0;
    const served = serve<Worker>(receiver, ({ signal }) => ({
      work: () =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve((told += 1)));
        }),
    }));
    const calls = client<Worker>(sender);
    for (let n = 0; n < 20; n += 1) void calls.work();
    await settled();
    sender.abort();
    await expect(served).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(told).toBe(20);
  });

  it("aborts no signal of a call that was answered, whenever it is asked for", async () => {
    interface Quick {
      quick(): Promise<void>;
      items(): AsyncIterable<number>;
      fails(): Promise<void>;
    }
    const { sender, receiver } = pipe<Call>();
    const signals: AbortSignal[] = [];
    const contexts: CallContext[] = [];
    const served = serve<Quick>(receiver, (context) => ({
      quick() {
        contexts.push(context);
        signals.push(context.signal);
      },
      async *items() {
        contexts.push(context);
        signals.push(context.signal);
        yield 1;
      },
      fails() {
        contexts.push(context);
        throw new Error("so");
      },
    }));
    const calls = client<Quick>(sender);
    await calls.quick();
    for await (const item of calls.items()) expect(item).toBe(1);
    await expect(calls.fails()).rejects.toMatchObject({ message: "so" });
    sender.abort();
    await expect(served).rejects.toMatchObject({ code: "ECONNRESET" });
    expect([...signals, ...contexts.map(({ signal }) => signal)].map(({ aborted }) => aborted)).toEqual([false, false, false, false, false]);
  });

  it("calls methods as those of their object: own ones and those of its classes, and nothing else", async () => {
    let gets = 0;
    class Base {
      protected readonly who = "me";
      inherited(): string {
        return `inherited by ${this.who}`;
      }
      hidden(): string {
        return "hidden";
      }
      covered(): string {
        return "covered";
      }
    }
    class Offers extends Base {
      readonly own = (): string => `own of ${this.who}`;
      readonly field = 7;
      get made(): () => string {
        gets += 1;
        return () => "made";
      }
      static shared(): string {
        return "shared";
      }
    }
    const offers = Object.defineProperty(Object.assign(new Offers(), { covered: undefined }), "hidden", {
      get() {
        gets += 1;
        return () => "got";
      },
    });
    const { sender, receiver } = pipe<Call>();
    void serve(receiver, offers);
    const calls = client<Record<string, () => Promise<string>>>(sender);
    expect(await calls["inherited"]!()).toBe("inherited by me");
    expect(await calls["own"]!()).toBe("own of me");
    for (const name of ["field", "made", "hidden", "covered", "shared", "who", "constructor", "toString", "hasOwnProperty", "__proto__", "valueOf", ""]) {
      await expect(calls[name]!(), name).rejects.toMatchObject({ code: "EINVAL", message: expect.stringContaining(`there is no method "${name}"`) as string });
    }
    expect(gets).toBe(0);
    await expect(calls["x".repeat(1000)]!()).rejects.toMatchObject({ message: expect.stringContaining(`"${"x".repeat(100)}"`) as string });
  });

  it("serves an object without a prototype, and one that is a function's", async () => {
    const { sender, receiver } = pipe<Call>();
    void serve<{ one(): Promise<number> }>(receiver, Object.assign(Object.create(null) as object, { one: () => 1 }));
    expect(await client<{ one(): Promise<number> }>(sender).one()).toBe(1);
    await expect(client<{ two(): Promise<number> }>(sender).two()).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("sends what a method throws, also what is no Error: an object comes as the cause of one", async () => {
    interface Throws {
      words(): Promise<never>;
      object(): Promise<never>;
      nothing(): Promise<never>;
      atOnce(): Promise<never>;
    }
    const { sender, receiver } = pipe<Call>();
    void serve<Throws>(receiver, {
      words: () => {
        throw "in words" as unknown;
      },
      object: () => {
        throw { status: 404 } as unknown;
      },
      nothing: () => {
        throw null as unknown;
      },
      atOnce: () => {
        throw new TypeError("at once");
      },
    });
    const calls = client<Throws>(sender);
    const error = await calls.words().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message: "in words" });
    await expect(calls.object()).rejects.toMatchObject({ message: "the method threw an object that is no Error: see the cause", cause: { status: 404 } });
    await expect(calls.nothing()).rejects.toMatchObject({ message: "null" });
    await expect(calls.atOnce()).rejects.toMatchObject({ name: "TypeError", message: "at once" });
  });

  it("sends of an error that cannot be sent its name, code and text, as much of it as goes, with the reason as the cause; the caller of one that not even says those hears ECONNRESET", async () => {
    interface Throws {
      withCause(): Promise<never>;
      long(): Promise<never>;
      longName(): Promise<never>;
      mute(): Promise<never>;
    }
    class DiskError extends Error {
      override readonly name = "DiskError";
      readonly code = "EDISK";
    }
    const [here, there] = memoryPair();
    const channels = new Channels(here, { role: "client" });
    const served = new Channels(there, { role: "server", maxMessageBytes: 10_000 });
    const calls = client<Throws>(channels.open<Call>());
    const over = serve<Throws>(await served.accept<Call>(), {
      withCause: () => Promise.reject(new DiskError("disk full", { cause: () => undefined })),
      long: () => Promise.reject(new DiskError("disk full ".repeat(2000))),
      longName: () => Promise.reject(Object.assign(new Error("short"), { name: "Disk".repeat(5000) })),
      mute: () =>
        Promise.reject(
          Object.defineProperty(new Error("because"), "code", {
            get: () => {
              throw new Error("no code");
            },
          }),
        ),
    });
    await expect(calls.withCause()).rejects.toMatchObject({ name: "DiskError", code: "EDISK", message: "disk full", cause: { code: "EINVAL" } });
    await expect(calls.long()).rejects.toMatchObject({ name: "DiskError", code: "EDISK", message: "disk full ".repeat(100), cause: { code: "EMSGSIZE" } });
    const nameless = await calls.longName().catch((error: unknown) => error);
    expect(nameless).toMatchObject({ name: "Disk".repeat(250), message: "short", cause: { code: "EMSGSIZE" } });
    expect(nameless).not.toHaveProperty("code");
    await expect(calls.mute()).rejects.toMatchObject({ code: "ECONNRESET" });
    channels.abort();
    await expect(over).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("calls no method whose caller has given up by then, and closes what travelled to it", async () => {
    const { sender, receiver } = pipe<Call>({ capacity: 1 });
    const called: string[] = [];
    const travelled = pipe();
    const abort = new AbortController();
    interface Service {
      late(end: Receiver): Promise<void>;
      next(): Promise<void>;
    }
    const late = client<Service>(sender, { signal: abort.signal }).late(travelled.receiver);
    await settled();
    abort.abort("enough");
    await expect(late).rejects.toBe("enough");
    const served = serve<Service>(receiver, {
      late: () => new Promise<void>(() => called.push("late")),
      next: () => {
        called.push("next");
        return Promise.resolve();
      },
    });
    await client<Service>(sender).next();
    void sender.close();
    await served;
    expect(called).toEqual(["next"]);
    await expect(travelled.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("takes no more calls once its receiver is cancelled: those that run are answered, those that wait are refused, and it resolves", async () => {
    const [here, there] = memoryPair();
    const [near, far] = [new Channels(here, { role: "client" }), new Channels(there, { role: "server" })];
    const calls = client<Worker>(near.open<Call>());
    const receiver = await far.accept<Call>();
    const [both, through] = [gate(), gate()];
    let running = 0;
    const work = async (): Promise<number> => {
      running += 1;
      if (running === 2) both.open();
      await through.opened;
      return running;
    };
    const served = serve<Worker>(receiver, { work }, { maxCalls: 2 });
    const [first, second, third] = [calls.work(), calls.work(), calls.work()];
    await both.opened;
    receiver.cancel();
    await expect(third).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(calls.work()).rejects.toMatchObject({ code: "EPIPE" });
    through.open();
    await served;
    expect(await Promise.all([first, second])).toEqual([2, 2]);
    await Promise.all([near.close(), far.close()]);
  });

  it("ignores a message that is no call, and closes what travels in it", async () => {
    const { sender, receiver } = pipe<Call>({ capacity: 5 });
    let calledWith: unknown[] | undefined;
    const served = serve<{ one(): Promise<number> }>(receiver, {
      one: (...args: unknown[]) => {
        calledWith = args;
        return 1;
      },
    });
    for (const message of [7, null, undefined, "one", [], { method: "one" }, { method: "one", args: [] }, { method: "one", args: [], answer: null }, { method: "one", args: [], answer: {} }]) await sender.send(message as never);
    for (const message of [{ method: 7, args: [] }, { args: [] }, { method: "one" }, { method: "one", args: "x" }, { method: "one", args: { length: 0 } }]) {
      const { sender: answer, receiver: answers } = pipe();
      await sender.send({ ...message, answer } as never);
      await expect(answers.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    }
    const inner = pipe();
    await sender.send({ method: "one", args: [], answer: inner.receiver } as never);
    await expect(inner.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(calledWith).toBeUndefined();
    expect(await client<{ one(): Promise<number> }>(sender).one()).toBe(1);
    expect(calledWith).toEqual([]);
    void sender.close();
    await served;
  });

  it("closes what travels to a method that is not there, and in results that nobody gets", async () => {
    interface Gives {
      gives(): Promise<Receiver<number>>;
      streams(): AsyncIterable<Receiver<number>>;
      twice(): Promise<readonly unknown[]>;
      nothing(numbers: Receiver<number>): Promise<void>;
    }
    const { sender, receiver } = pipe<Call>();
    const left = gate();
    const [given, streamed, unsent, argument] = [pipe<number>(), pipe<number>(), pipe<number>(), pipe<number>()];
    const served = serve<Omit<Gives, "nothing">>(receiver, {
      async gives() {
        await left.opened;
        return given.receiver;
      },
      async *streams() {
        await left.opened;
        yield streamed.receiver;
      },
      twice: () => [unsent.receiver, () => 1],
    });
    const abort = new AbortController();
    const leaving = client<Gives>(sender, { signal: abort.signal });
    void leaving.gives();
    leaving.streams();
    await settled();
    abort.abort();
    left.open();
    for (const { sender: end } of [given, streamed]) await expect(end.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(client<Gives>(sender).twice()).rejects.toMatchObject({ code: "EINVAL" });
    await expect(unsent.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(client<Gives>(sender).nothing(argument.receiver)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(argument.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
    await sender.close();
    await served;
  });

  it("leaves to a method what it was given, also where that fails", async () => {
    const { sender, receiver } = pipe<Call>();
    let kept: Receiver<number> | undefined;
    void serve<{ keeps(numbers: Receiver<number>): Promise<void> }>(receiver, {
      keeps(numbers) {
        kept = numbers;
        throw new Error("so");
      },
    });
    const numbers = pipe<number>();
    await expect(client<{ keeps(numbers: Receiver<number>): Promise<void> }>(sender).keeps(numbers.receiver)).rejects.toMatchObject({ message: "so" });
    const sent = numbers.sender.send(7);
    expect(await kept!.receive()).toBe(7);
    await sent;
  });

  it("that goes away without an answer is ECONNRESET for the caller", async () => {
    const { sender, receiver } = pipe<Call>();
    const called = client<{ one(): Promise<number> }>(sender).one();
    const { answer } = await receiver.receive();
    await answer.close();
    await expect(called).rejects.toMatchObject({ code: "ECONNRESET", message: expect.stringContaining("without an answer") as string });
    receiver.cancel();
    await expect(client<{ one(): Promise<number> }>(sender).one()).rejects.toMatchObject({ code: "EPIPE" });
  });
});

interface Simple {
  one(): Promise<number>;
  echo(value: unknown): Promise<unknown>;
  fails(): Promise<never>;
  waits(): Promise<never>;
  ends(): Promise<Receiver<number>>;
  items(): AsyncIterable<Receiver<number>>;
}

describe("a client", () => {
  it("leaves a stream of arguments that has nothing when the method has enough or is through, and what that says then is no failure", async () => {
    interface Adder {
      first(words: AsyncIterable<string>): Promise<string>;
      none(words: AsyncIterable<string>): Promise<string>;
    }
    const { sender, receiver } = pipe<Call>();
    void serve<Adder>(receiver, {
      async first(words) {
        for await (const word of words) {
          (words as AsyncIterable<string> & { cancel: () => void }).cancel();
          await settled();
          return word;
        }
        return "nothing";
      },
      none: () => Promise.resolve("done"),
    });
    const calls = client<Adder>(sender);
    for (const method of ["first", "none"] as const) {
      const left = gate();
      const words = ["one"];
      let fail = (_error: Error): void => undefined;
      const source: AsyncIterable<string> = {
        [Symbol.asyncIterator]: () => ({
          next: () => (words.length > 0 ? Promise.resolve({ done: false, value: words.shift()! }) : new Promise((_resolve, reject) => (fail = reject))),
          return: () => {
            left.open();
            fail(new Error("was interrupted"));
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
      const result = calls[method](source);
      await left.opened;
      expect(await result).toBe(method === "first" ? "one" : "done");
    }
  });

  const begin = (): { sender: ReturnType<typeof pipe<Call>>["sender"]; aborted: unknown[]; given: ReturnType<typeof pipe<number>>[] } => {
    const { sender, receiver } = pipe<Call>();
    const aborted: unknown[] = [];
    const given = [pipe<number>(), pipe<number>()];
    const served = serve<Simple>(receiver, ({ signal }) => {
      signal.addEventListener("abort", () => aborted.push(signal.reason));
      return {
        one: () => 1,
        echo: (value) => value,
        fails: () => Promise.reject(new Error("so")),
        waits: () => new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        ends: () => Promise.resolve(given[0]!.receiver),
        async *items() {
          yield given[1]!.receiver;
        },
      };
    });
    served.catch(() => undefined);
    return { sender, aborted, given };
  };

  it("leaves alone a stream of arguments that has ended, whatever becomes of its call", async () => {
    interface Sums {
      sum(numbers: AsyncIterable<number>): Promise<number>;
    }
    const { sender, receiver } = pipe<Call>();
    void serve<Sums>(receiver, {
      async sum(numbers) {
        let sum = 0;
        for await (const each of numbers) sum += each;
        return sum;
      },
    });
    let left = 0;
    const numbers = [1, 2, 3].values();
    const source = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(numbers.next()), return: () => Promise.resolve({ done: true as const, value: (left += 1) }) }) };
    expect(await client<Sums>(sender).sum(source)).toBe(6);
    await settled();
    expect(left).toBe(0);
  });

  it("has a method of every name but `then`, so that it may be awaited itself", async () => {
    const calls = client<Simple>(begin().sender);
    expect(await Promise.resolve(calls)).toBe(calls);
    const odd = calls as unknown as Record<string | symbol, unknown>;
    expect([odd["then"], odd[Symbol.iterator], odd[Symbol.toPrimitive]]).toEqual([undefined, undefined, undefined]);
    expect(odd["whatever"]).toBeTypeOf("function");
  });

  it("throws EINVAL over what is no Sender, and for a signal that is none", () => {
    const { sender, receiver } = pipe<Call>();
    for (const calls of [receiver, undefined, null, {}, { send: () => Promise.resolve() }]) expect(() => client(calls as never)).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("Sender") as string }) as Error);
    for (const signal of [null, {}, new AbortController(), "stop"]) expect(() => client(sender, { signal: signal as never })).toThrow(expect.objectContaining({ code: "EINVAL", message: expect.stringContaining("AbortSignal") as string }) as Error);
    expect(() => client(sender, { signal: undefined as never })).not.toThrow();
  });

  it("gives its calls as promises have it: catch, finally, and a result for each who awaits", async () => {
    const calls = client<Simple>(begin().sender);
    let times = 0;
    const count = (): void => void (times += 1);
    expect(await calls.one().finally(count)).toBe(1);
    await expect(calls.fails().finally(count)).rejects.toMatchObject({ message: "so" });
    expect(times).toBe(2);
    expect(await calls.fails().catch((error: unknown) => (error as Error).message)).toBe("so");
    expect(await calls.one().catch(() => 2)).toBe(1);
    const fails = calls.fails();
    expect(await Promise.allSettled([fails, fails])).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    const [one, other] = await Promise.allSettled([fails, fails]);
    expect((one as PromiseRejectedResult).reason).toBe((other as PromiseRejectedResult).reason);
  });

  it("tells the method when its signal is aborted, though nobody awaits the call", async () => {
    const { sender, aborted } = begin();
    const abort = new AbortController();
    void client<Simple>(sender, { signal: abort.signal }).waits();
    await settled();
    abort.abort(new Error("enough"));
    await settled();
    expect(aborted).toEqual([expect.objectContaining({ code: "EPIPE" })]);
  });

  it("calls nothing once its signal is aborted: every call of it rejects with the reason", async () => {
    const { sender, receiver } = pipe<Call>({ capacity: 1 });
    const calls = client<Simple>(sender, { signal: AbortSignal.abort("late") });
    await expect(calls.one()).rejects.toBe("late");
    await expect(calls.items()[Symbol.asyncIterator]().next()).rejects.toBe("late");
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it("rejects a call that nobody takes when its signal is aborted, and nothing was sent", async () => {
    const { sender, receiver } = pipe<Call>();
    const abort = new AbortController();
    const one = client<Simple>(sender, { signal: abort.signal }).one();
    const rejects = expect(one).rejects.toBe("enough");
    abort.abort("enough");
    await rejects;
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it("gives a result that had come when its signal is aborted, whenever that is awaited", async () => {
    const { sender, aborted } = begin();
    const abort = new AbortController();
    const calls = client<Simple>(sender, { signal: abort.signal });
    const one = calls.one();
    const fails = calls.fails();
    await settled();
    abort.abort("late");
    expect(await one).toBe(1);
    await expect(fails).rejects.toMatchObject({ message: "so" });
    await settled();
    expect(aborted).toEqual([]);
  });

  it("has one listener on its signal, however many calls wait, and leaves none, also of calls that nobody awaits", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    let most = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => {
        expect(args[0]).toBe("abort");
        most = Math.max(most, (listeners += 1));
        add(...args);
      },
      removeEventListener: (...args: Parameters<typeof remove>) => {
        expect(args[0]).toBe("abort");
        listeners -= 1;
        remove(...args);
      },
    });
    const { sender } = begin();
    const calls = client<Simple>(sender, { signal });
    for (let n = 0; n < 20; n += 1) void calls.one();
    const waits = calls.waits();
    await settled();
    expect(listeners).toBe(1);
    sender.abort();
    await expect(waits).rejects.toMatchObject({ code: "ECONNRESET" });
    await settled();
    await expect(calls.echo(() => 1)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect({ most, listeners }).toEqual({ most: 1, listeners: 0 });
  });

  it("rejects what cannot be sent, and goes on", async () => {
    const calls = client<Simple>(begin().sender);
    await expect(calls.echo(() => 1)).rejects.toMatchObject({ code: "EINVAL" });
    expect([await calls.echo(7), await calls.echo(null), await calls.echo(undefined)]).toEqual([7, null, undefined]);
  });

  it("closes what came in a result that was to be awaited and is iterated, or the other way round", async () => {
    const { sender, given } = begin();
    const calls = client<Simple>(sender);
    await expect((calls.ends() as unknown as AsyncIterable<never>)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "EINVAL" });
    await expect(given[0]!.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(Promise.resolve(calls.items() as unknown as Promise<unknown>)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(given[1]!.sender.send(1)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
