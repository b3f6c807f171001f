import type { CallContext, Channels, DuplexBytes, Implementation } from "@astranet/channel";
import { client, copy, pipe, select, sending, serve, type Call, type Client, type Receiver, type Sender } from "@astranet/channel";
import { describe, expectTypeOf, it } from "vitest";

interface Files {
  stat(path: string): Promise<{ size: number }>;
  list(folder: string): AsyncIterable<string>;
  upload(chunks: AsyncIterable<Uint8Array>): Promise<number>;
}

interface Feeds {
  words(): Promise<Receiver<string>>;
  answers(): Promise<Sender<string>>;
  bytes(): Promise<ReadableStream<Uint8Array>>;
  pair(): Promise<DuplexBytes>;
  perhaps(): Promise<Receiver<string> | undefined>;
  within(): Promise<{ words: Receiver<string> }>;
  directly(): Receiver<string>;
  generated(): AsyncGenerator<string>;
  later(): Promise<AsyncIterable<string>>;
  sync(x: string): string;
  either(): number | Promise<number>;
  never(): never;
  nothing(): void;
  whatever(): unknown;
  optional(a: number, b?: string): Promise<void>;
  readonly version: number;
}

/** Never run: what the compiler says of it is the test. */
function compiles(_body: () => unknown): void {
  // Nothing.
}

describe("the compiler", () => {
  it("knows what a channel carries", () => {
    const { sender, receiver } = pipe<{ n: number; ret: Sender<string> }>();
    expectTypeOf(receiver.receive()).resolves.toEqualTypeOf<{ n: number; ret: Sender<string> }>();
    compiles(async () => {
      await sender.send({ n: 1, ret: pipe<string>().sender });
      // @ts-expect-error a message of another shape
      await sender.send({ n: "1", ret: pipe<string>().sender });
      // @ts-expect-error a channel of other messages
      await sender.send({ n: 1, ret: pipe<number>().sender });
      // @ts-expect-error a message of another shape
      sender.trySend(7);
      for await (const { n } of receiver) expectTypeOf(n).toEqualTypeOf<number>();
      // @ts-expect-error channels of different messages
      await copy(pipe<string>().sender, pipe<number>().receiver);
      const channels = undefined as unknown as Channels;
      expectTypeOf(channels.open<number>()).toEqualTypeOf<Sender<number>>();
      expectTypeOf(await channels.accept<number>()).toEqualTypeOf<Receiver<number>>();
      const typed = undefined as unknown as Channels<string>;
      expectTypeOf(await typed.accept()).toEqualTypeOf<Receiver<string>>();
      for await (const each of typed) expectTypeOf(each).toEqualTypeOf<Receiver<string>>();
    });
  });

  it("knows what select may choose", () => {
    compiles(async () => {
      const chosen = await select({ a: pipe<number>().receiver, b: pipe<string>().receiver, out: sending(pipe<boolean>().sender, true) });
      expectTypeOf(chosen.case).toEqualTypeOf<"a" | "b" | "out">();
      if (chosen.case === "a" && !chosen.done) expectTypeOf(chosen.message).toEqualTypeOf<number>();
      if (chosen.case === "b" && !chosen.done) expectTypeOf(chosen.message).toEqualTypeOf<string>();
      const maybe = undefined as Receiver<number> | undefined;
      const some = await select({ maybe, b: pipe<string>().receiver });
      expectTypeOf(some.case).toEqualTypeOf<"maybe" | "b">();
      if (some.case === "maybe" && !some.done) expectTypeOf(some.message).toEqualTypeOf<number>();
      // @ts-expect-error a message of another type
      sending(pipe<boolean>().sender, 1);
      expectTypeOf(await select({ a: pipe<number>().receiver }, { wait: false })).toEqualTypeOf<{ readonly case: "a"; readonly done: false; readonly message: number } | { readonly case: "a"; readonly done: true; readonly message?: undefined } | undefined>();
    });
  });

  it("knows a service by its interface, at both ends", () => {
    compiles(async () => {
      const files: Client<Files> = client<Files>(pipe<Call>().sender, { signal: AbortSignal.abort() });
      expectTypeOf(files.stat).toEqualTypeOf<(path: string) => Promise<{ size: number }>>();
      expectTypeOf(files.list).toEqualTypeOf<(folder: string) => AsyncIterable<string>>();
      expectTypeOf(files.upload).toEqualTypeOf<(chunks: AsyncIterable<Uint8Array>) => Promise<number>>();
      // @ts-expect-error an argument of another type
      await files.stat(1);
      // @ts-expect-error options are the client's
      await files.stat("x", { signal: AbortSignal.abort() });
      // @ts-expect-error a signal is an option, not the options
      client<Files>(pipe<Call>().sender, AbortSignal.abort());
      expectTypeOf(client<Files>).parameter(0).toEqualTypeOf<Sender<Call>>();
      expectTypeOf(files).not.toHaveProperty("remove");
      const { receiver } = pipe<Call>();
      const methods: Implementation<Files> = {
        stat: (path) => ({ size: path.length }),
        list: async function* (folder) {
          yield folder;
        },
        upload: async (chunks) => {
          let bytes = 0;
          for await (const chunk of chunks) bytes += chunk.length;
          return bytes;
        },
      };
      await serve<Files>(receiver, methods);
      await serve<Files>(receiver, (context) => {
        expectTypeOf(context).toEqualTypeOf<CallContext>();
        return methods;
      });
      await serve<Pick<Files, "stat">>(receiver, ({ signal }) => ({ stat: (path) => ({ size: signal.aborted ? 0 : path.length }) }));
      // @ts-expect-error a method is missing
      await serve<Files>(receiver, { stat: () => ({ size: 1 }) });
      // @ts-expect-error a method is missing
      await serve<Files>(receiver, () => ({ stat: () => ({ size: 1 }) }));
      // @ts-expect-error a result of another type
      await serve<Pick<Files, "stat">>(receiver, { stat: () => ({ size: "1" }) });
      // @ts-expect-error no context after the arguments
      await serve<Pick<Files, "stat">>(receiver, { stat: (path: string, context: CallContext) => ({ size: context.signal.aborted ? 0 : path.length }) });
      expectTypeOf(serve<Files>).parameter(0).toEqualTypeOf<Receiver<Call>>();
      // Functions have methods of these names.
      await serve<{ call(n: number): Promise<number>; bind(n: number): Promise<number> }>(receiver, { call: (n) => n, bind: async (n) => n });
      // What a client gives is handed on.
      await serve<Files>(receiver, { stat: (path) => files.stat(path), list: (folder) => files.list(folder), upload: (chunks) => files.upload(chunks) });
    });
  });

  it("knows what a result is: one, one that is handed over, or a stream", () => {
    compiles(async () => {
      const feeds = client<Feeds>(pipe<Call>().sender);
      expectTypeOf(feeds.words).returns.toEqualTypeOf<Promise<Receiver<string>>>();
      expectTypeOf(feeds.answers).returns.toEqualTypeOf<Promise<Sender<string>>>();
      expectTypeOf(feeds.bytes).returns.toEqualTypeOf<Promise<ReadableStream<Uint8Array>>>();
      expectTypeOf(feeds.pair).returns.toEqualTypeOf<Promise<DuplexBytes>>();
      expectTypeOf(feeds.perhaps).returns.toEqualTypeOf<Promise<Receiver<string> | undefined>>();
      expectTypeOf(feeds.within).returns.toEqualTypeOf<Promise<{ words: Receiver<string> }>>();
      expectTypeOf(feeds.directly).returns.toEqualTypeOf<AsyncIterable<string>>();
      expectTypeOf(feeds.generated).returns.toEqualTypeOf<AsyncIterable<string>>();
      expectTypeOf(feeds.later).returns.toEqualTypeOf<AsyncIterable<string>>();
      expectTypeOf(feeds.sync).toEqualTypeOf<(x: string) => Promise<string>>();
      expectTypeOf(feeds.either).returns.toEqualTypeOf<Promise<number>>();
      expectTypeOf(feeds.never).returns.toEqualTypeOf<Promise<never>>();
      expectTypeOf(feeds.nothing).returns.toEqualTypeOf<Promise<void>>();
      expectTypeOf(feeds.whatever).returns.toEqualTypeOf<Promise<unknown>>();
      expectTypeOf(feeds.optional).toEqualTypeOf<(a: number, b?: string) => Promise<void>>();
      expectTypeOf(feeds).not.toHaveProperty("version");
      const { receiver } = pipe<Call>();
      const [words, bytes, pair] = [pipe<string>().receiver, new ReadableStream<Uint8Array>(), new TransformStream<Uint8Array, Uint8Array>()];
      async function* generate(): AsyncGenerator<string> {
        yield "word";
      }
      await serve<Feeds>(receiver, {
        words: async () => words,
        answers: () => pipe<string>().sender,
        bytes: () => Promise.resolve(bytes),
        pair: async () => pair,
        perhaps: () => undefined,
        within: () => ({ words }),
        directly: () => words,
        generated: async () => generate(),
        later: () => generate(),
        sync: (x) => x,
        either: async () => 1,
        never: () => {
          throw new Error();
        },
        nothing: () => undefined,
        whatever: () => 7,
        optional: (_a, b) => {
          expectTypeOf(b).toEqualTypeOf<string | undefined>();
        },
      });
      // @ts-expect-error what is returned directly would be iterated
      await serve<Pick<Feeds, "words">>(receiver, { words: () => words });
      // @ts-expect-error what is returned directly would be iterated
      await serve<Pick<Feeds, "bytes">>(receiver, { bytes: () => bytes });
      // @ts-expect-error what is returned directly might be iterated
      await serve<Pick<Feeds, "pair">>(receiver, { pair: () => pair });
      // @ts-expect-error what is returned directly would be iterated
      await serve<Pick<Feeds, "perhaps">>(receiver, { perhaps: () => words });
      // @ts-expect-error what comes of a promise would be handed over
      await serve<Pick<Feeds, "directly">>(receiver, { directly: async () => words });
      // @ts-expect-error what comes of a promise would be handed over
      await serve<{ list(): AsyncIterable<Uint8Array> }>(receiver, { list: async () => bytes });
      // @ts-expect-error there is a stream of results
      await serve<Pick<Feeds, "sync">>(receiver, { sync: generate });
      // @ts-expect-error there is one result
      await serve<Pick<Feeds, "later">>(receiver, { later: () => "word" });
    });
  });

  it("knows a service by what implements it", () => {
    compiles(async () => {
      const { sender, receiver } = pipe<Call>();
      const methods = {
        up: (words: string) => words.toUpperCase(),
        async later(n: number) {
          return n;
        },
        async *count(to: number) {
          for (let n = 0; n < to; n += 1) yield n;
        },
      };
      class Service {
        readonly field = 7;
        up(words: string): string {
          return words;
        }
      }
      await serve(receiver, methods);
      await serve(receiver, new Service());
      await serve<Service>(receiver, new Service());
      await serve<typeof methods>(receiver, methods);
      await serve(receiver, { up: (words: string) => words });
      await serve(receiver, () => ({ up: (words: string) => words }));
      await serve(receiver, (context) => ({ up: (words: string) => (context.signal.aborted ? "" : words) }));
      await serve(receiver, (context) => {
        expectTypeOf(context).toEqualTypeOf<CallContext>();
        return methods;
      });
      // @ts-expect-error a number is no object
      await serve(receiver, 7);
      // @ts-expect-error undefined is no object
      await serve(receiver, undefined);
      const calls = client<typeof methods>(sender);
      expectTypeOf(calls.up).toEqualTypeOf<(words: string) => Promise<string>>();
      expectTypeOf(calls.later).toEqualTypeOf<(n: number) => Promise<number>>();
      expectTypeOf(calls.count).toEqualTypeOf<(to: number) => AsyncIterable<number>>();
      expectTypeOf(client<Service>(sender)).toEqualTypeOf<{ readonly up: (words: string) => Promise<string> }>();
      // Who gives up the types has none.
      await client<Record<string, (...args: unknown[]) => Promise<unknown>>>(sender)["anything"]!(1, 2);
      // eslint-disable-next-line @typescript-eslint/no-explicit-any
      await client<any>(sender)["anything"]!(1);
    });
  });
});
