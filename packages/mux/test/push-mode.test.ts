import { Flag } from "@astranet/frame";
import { Session, type Stream, type StreamSink } from "@astranet/mux";
import { describe, expect, it } from "vitest";
import type { Frame } from "../../frame/test/support/frames.ts";
import { bytes, credit, data, fin, only, rst, settings, started, syn, text, told } from "./support/frames.ts";
import { HeldConnection } from "./support/held-connection.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { muxado } from "./support/muxado.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { codeOf } from "./support/session-pair.ts";

/** A sink that writes down what it is told, and does something else with each chunk. */
function listener(ondata: () => void = () => undefined): { heard: string[]; sink: StreamSink } {
  const heard: string[] = [];
  const sink: StreamSink = {
    data: (chunk) => {
      heard.push(text(chunk) ?? "");
      ondata();
    },
    end: () => heard.push("end"),
    reset: (error) => heard.push(error.code),
  };
  return { heard, sink };
}

async function accepted(...more: readonly Frame[]): Promise<{ peer: RawPeer; stream: Stream }> {
  const peer = await started({ role: "server" });
  await peer.say(syn(1), ...more);
  const stream = await peer.session.accept();
  await peer.listen();
  return { peer, stream };
}

describe("attach()", () => {
  it("gives all chunks that came within the tick", () => {
    const connection = new HeldConnection();
    const streams: Stream[] = [];
    new Session(connection, { role: "server", clock: new ManualClock(), onstream: (stream) => streams.push(stream) });
    connection.give(settings(), syn(1, "one"), data(1, "two"), data(1, "three"));
    const { heard, sink } = listener();
    streams[0]?.attach(sink);
    expect(heard).toEqual(["one", "two", "three"]);
  });

  it("tells a sink what broke the stream before", async () => {
    const { peer, stream } = await accepted();
    await peer.say(rst(1, 300));
    const { heard, sink } = listener();
    stream.attach(sink);
    expect(heard).toEqual(["ECONNRESET"]);
  });

  it("tells no end after the sink has stopped or reset, within data, a stream whose end had come", async () => {
    for (const how of ["stop", "reset"] as const) {
      const { stream } = await accepted(fin(1, "last"));
      const { heard, sink } = listener(() => {
        stream[how]();
      });
      stream.attach(sink);
      expect(heard).toEqual(how === "stop" ? ["last"] : ["last", "ECONNRESET"]);
    }
  });
});

describe("a sink", () => {
  it("is told nothing after stop(), neither bytes nor the end", async () => {
    const { peer, stream } = await accepted();
    const { heard, sink } = listener();
    stream.attach(sink);
    stream.stop();
    await peer.say(data(1, "x"), fin(1));
    expect(heard).toEqual([]);
  });

  it("may say consume() after stop(), as of bytes it was given before: nothing happens", async () => {
    const { peer, stream } = await accepted();
    stream.attach(listener().sink);
    await peer.say(data(1, "given"));
    stream.stop();
    stream.consume(5);
    expect([stream.readableLength, peer.session._options.budget.unreadBytes]).toEqual([0, 0]);
  });

  it("that stops has the credit of what it did not consume returned", async () => {
    const { peer, stream } = await accepted();
    stream.attach(listener().sink);
    await peer.say(data(1, 65_536), data(1, 65_536));
    stream.stop();
    expect(only(await peer.listen(), "WNDINC")).toEqual([credit(1, 131_072)]);
  });

  it("consumes what it was given after the link has died", async () => {
    const { peer, stream } = await accepted();
    stream.attach(listener().sink);
    await peer.say(data(1, "given"));
    await peer.cut();
    expect(stream.readableLength).toBe(5);
    stream.consume(3);
    expect(stream.readableLength).toBe(2);
  });

  it("is told once what broke reading, though the rest of the stream breaks later", async () => {
    const { peer, stream } = await accepted();
    const { heard, sink } = listener();
    stream.attach(sink);
    await peer.say(rst(1, 7, Flag.HALF));
    expect(heard).toEqual(["ECONNRESET"]);
    stream.reset();
    expect(heard).toEqual(["ECONNRESET"]);
  });

  it("may end its stream within reset: that does nothing", async () => {
    const { peer, stream } = await accepted();
    let ended: Promise<void> | undefined;
    stream.attach({
      ...listener().sink,
      reset: () => {
        ended = stream.end();
      },
    });
    await peer.say(rst(1, 300));
    expect(await codeOf(ended as Promise<void>)).toBe("resolved");
    expect(await codeOf(stream.end())).toBe("ECONNRESET");
  });

  it("need not have the method ready", async () => {
    const peer = await started({ role: "client" });
    const stream = peer.session.open();
    stream.attach(listener().sink);
    void stream.write(new Uint8Array(65_537));
    await peer.listen();
    expect(stream.tryWrite(bytes("x"))).toBe(false);
    await peer.say(credit(1, 10));
    expect(stream.tryWrite(bytes("x"))).toBe(true);
    expect(told(await peer.listen())).toEqual([data(1, "x")]);
  });

  it("hears of framed bytes only where there are some: muxado's SYN has none", async () => {
    const peer = muxado("client");
    const stream = peer.session.open();
    const framed: number[] = [];
    stream.attach({ ...listener().sink, framed: (count) => framed.push(count) });
    void stream.write(bytes("abc"));
    await peer.listen();
    expect(framed).toEqual([3]);
  });
});
