import { Channels, client, pipe, serve, type Call } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";
import { describe, expect, it } from "vitest";
import { sidesOf } from "./support/channel-body.ts";
import { rpcBody } from "./support/rpc-body.ts";

rpcBody("within one process", () => Promise.resolve({ channel: () => Promise.resolve(pipe()), channelBack: () => Promise.resolve(pipe()), end: () => undefined }));

rpcBody("over a session", () => {
  const [here, there] = memoryPair();
  return Promise.resolve(sidesOf(new Channels(here, { role: "client" }), new Channels(there, { role: "server" })));
});

describe("serve", () => {
  it("runs maxCalls at once, and the next one waits", async () => {
    const { sender, receiver } = pipe<Call>();
    let [running, most] = [0, 0];
    const waiting: (() => void)[] = [];
    const work = async (): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running -= 1;
      return most;
    };
    const served = serve<{ work(): Promise<number> }>(receiver, { work }, { maxCalls: 3 });
    const calls = client<{ work(): Promise<number> }>(sender);
    const results = Promise.all(Array.from({ length: 10 }, () => calls.work()));
    while (waiting.length < 3) await Promise.resolve();
    for (let n = 0; n < 10; n += 1) {
      while (waiting.length === 0) await Promise.resolve();
      waiting.shift()!();
    }
    expect(Math.max(...(await results))).toBe(3);
    void sender.close();
    await served;
    await expect(serve(receiver, {}, { maxCalls: 0 })).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("tells a method that its caller is gone, also one that only looks afterwards", async () => {
    interface Patient {
      wait(): Promise<void>;
    }
    const { sender, receiver } = pipe<Call>();
    let [begun, looked] = [(): void => undefined, (_aborted: boolean): void => undefined];
    const began = new Promise<void>((resolve) => (begun = resolve));
    const isAborted = new Promise<boolean>((resolve) => (looked = resolve));
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    void serve<Patient>(receiver, {
      async wait(context) {
        begun();
        await left;
        looked(context.signal.aborted);
      },
    });
    const abort = new AbortController();
    const called = client<Patient>(sender).wait({ signal: abort.signal });
    const rejects = expect(called).rejects.toBe("enough");
    await began;
    abort.abort("enough");
    await rejects;
    leave();
    expect(await isAborted).toBe(true);
  });

  it("aborts no signal of a call that was answered", async () => {
    interface Quick {
      quick(): Promise<void>;
    }
    const { sender, receiver } = pipe<Call>();
    const signals: AbortSignal[] = [];
    const served = serve<Quick>(receiver, { quick: (context) => void signals.push(context.signal) });
    await client<Quick>(sender).quick();
    await sender.close();
    await served;
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it("tells methods that the channel broke, and rejects once they are through", async () => {
    const { sender, receiver } = pipe<Call>();
    const reasons: unknown[] = [];
    const served = serve<{ wait(): Promise<never> }>(receiver, {
      wait: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
    });
    const waiting = Promise.resolve(client<{ wait(): Promise<never> }>(sender).wait());
    waiting.catch(() => undefined);
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    sender.abort(new Error("pulled"));
    await expect(served).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(reasons).toEqual([expect.objectContaining({ code: "ECONNRESET" })]);
    await expect(waiting).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("ignores a message that is no call", async () => {
    const { sender, receiver } = pipe<Call>({ capacity: 5 });
    const served = serve<{ one(): Promise<number> }>(receiver, { one: () => 1 });
    await sender.send(7 as never);
    await sender.send({ method: "one" } as never);
    expect(await client<{ one(): Promise<number> }>(sender).one()).toBe(1);
    void sender.close();
    await served;
  });

  it("closes what travels in a message that is no call", async () => {
    const { sender, receiver } = pipe<Call>({ capacity: 1 });
    const inner = pipe();
    const served = serve(receiver, {});
    await sender.send({ method: 7, inner: inner.sender } as never);
    await expect(inner.receiver.receive()).rejects.toMatchObject({ code: "ECONNRESET" });
    void sender.close();
    await served;
  });

  it("that goes away without an answer is ECONNRESET for the caller", async () => {
    const { sender, receiver } = pipe<Call>();
    const called = Promise.resolve(client<{ one(): Promise<number> }>(sender).one());
    const { answer } = await receiver.receive();
    await answer.close();
    await expect(called).rejects.toMatchObject({ code: "ECONNRESET" });
    receiver.cancel();
    await expect(Promise.resolve(client<{ one(): Promise<number> }>(sender).one())).rejects.toMatchObject({ code: "EPIPE" });
  });
});
