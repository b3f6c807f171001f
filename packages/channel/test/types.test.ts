import type { Channels} from "@astranet/channel";
import { client, copy, pipe, select, sending, serve, type Call, type Client, type Receiver, type Sender } from "@astranet/channel";
import { describe, expectTypeOf, it } from "vitest";

interface Files {
  stat(path: string): Promise<{ size: number }>;
  list(folder: string): AsyncIterable<string>;
  upload(chunks: AsyncIterable<Uint8Array>): Promise<number>;
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
      const files: Client<Files> = client<Files>(pipe<Call>().sender);
      expectTypeOf(files.stat("x")).resolves.toEqualTypeOf<{ size: number }>();
      expectTypeOf(files.list("x", { signal: AbortSignal.abort() })).toEqualTypeOf<AsyncIterable<string>>();
      // @ts-expect-error an argument of another type
      await files.stat(1);
      expectTypeOf(files).not.toHaveProperty("remove");
      const { receiver } = pipe<Call>();
      await serve<Files>(receiver, {
        stat: (path, { signal }) => {
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
          return { size: path.length };
        },
        list: async function* (folder) {
          yield folder;
        },
        upload: async (chunks) => {
          let bytes = 0;
          for await (const chunk of chunks) bytes += chunk.length;
          return bytes;
        },
      });
      // @ts-expect-error a method is missing
      await serve<Files>(receiver, { stat: () => ({ size: 1 }) });
      // @ts-expect-error a result of another type
      await serve<Pick<Files, "stat">>(receiver, { stat: () => ({ size: "1" }) });
    });
  });
});
