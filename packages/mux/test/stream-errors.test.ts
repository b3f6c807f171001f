import { Flag } from "@astranet/frame";
import { describe, expect, it } from "vitest";
import { bytes, data, rst, started, stop, syn, told } from "./support/frames.ts";
import { outcome, SessionPair, thrown } from "./support/session-pair.ts";

/** What the promise was rejected with, or what it gave. */
async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return (await outcome(promise))[1];
}

const nothing = (): void => undefined;
const sink = { data: nothing, end: nothing, reset: nothing };

/** An error of ours with these words in it. */
function saying(code: string, words: string): unknown {
  return expect.objectContaining({ code, message: expect.stringContaining(words) as string });
}

describe("the error of a call says in words", () => {
  it("why nothing can be read", async () => {
    const pair = new SessionPair();
    const [local, remote] = await pair.stream();
    void local.read();
    expect(await reasonOf(local.read())).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "a read is waiting already"));
    remote.setReadDeadline(0);
    expect(await reasonOf(remote.read())).toEqual(saying("ETIMEDOUT", "read deadline has passed"));
    const waiting = pair.client.open();
    const read = waiting.read();
    waiting.setReadDeadline(0);
    expect(await reasonOf(read)).toEqual(saying("ETIMEDOUT", "read deadline has passed"));
    const attached = pair.client.open();
    attached.attach(sink);
    expect(thrown(() => attached.tryRead())).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "attached to a sink"));
    const stopped = pair.client.open();
    stopped.stop();
    expect(await reasonOf(stopped.read())).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "reading was stopped here"));
  });

  it("why a sink is not taken, or what it consumed is not", () => {
    const stream = new SessionPair().client.open();
    expect(thrown(() => {
      stream.attach(undefined as never);
    })).toEqual(saying("EINVAL", "data"));
    stream.attach(sink);
    expect(thrown(() => {
      stream.attach(sink);
    })).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "attached, or read, already"));
    expect(thrown(() => {
      stream.consume(5);
    })).toEqual(saying("EINVAL", "consume(5) with 0 bytes"));
  });

  it("why nothing can be written", async () => {
    const peer = await started({ role: "client" });
    const [ended, late, waiting, stopped] = [peer.session.open(), peer.session.open(), peer.session.open(), peer.session.open()];
    await peer.listen();
    void ended.end();
    expect(await reasonOf(ended.write(bytes("x")))).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "a write after the end"));
    late.setWriteDeadline(0);
    expect(thrown(() => late.tryWrite(bytes("x")))).toEqual(saying("ETIMEDOUT", "write deadline has passed"));
    void waiting.write(new Uint8Array(65_537));
    await peer.listen();
    const write = waiting.write(bytes("x"));
    waiting.setWriteDeadline(0);
    expect(await reasonOf(write)).toEqual(saying("ETIMEDOUT", "write deadline has passed"));
    await peer.say(stop(stopped.id));
    expect(await reasonOf(stopped.write(bytes("x")))).toEqual(saying("EPIPE", "the peer stopped reading"));
  });

  it("what a chunk is: an array of them is one for write alone", async () => {
    const stream = new SessionPair().client.open();
    const several = [bytes("x")] as never;
    expect(thrown(() => stream.tryWrite(several))).toEqual(saying("EINVAL", "a chunk is a Uint8Array, not "));
    expect(await reasonOf(stream.end(several))).toEqual(saying("EINVAL", "a chunk is a Uint8Array, not "));
    expect(await reasonOf(stream.write("x" as never))).toEqual(saying("EINVAL", "a Uint8Array or an array of them, not a string"));
    expect(stream.writableLength).toBe(0);
  });

  it("what accept, refuse and an urgency take", async () => {
    const peer = await started({ role: "server", manualAccept: true });
    await peer.say(syn(1));
    const [ours, theirs] = [peer.session.open(), await peer.session.accept()];
    expect(thrown(() => {
      ours.accept();
    })).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "the side that did not open"));
    expect(thrown(() => {
      theirs.accept(new Uint8Array(1_025));
    })).toEqual(saying("EINVAL", "1025 bytes, the peer takes 1024"));
    expect(thrown(() => {
      ours.refuse();
    })).toEqual(saying("ERR_ASTRANET_INVALID_STATE", "only a stream that was not accepted"));
    expect(thrown(() => {
      ours.urgency = 8;
    })).toEqual(saying("EINVAL", "from 0 to 7, not 8"));
  });

  it("who broke the stream, and the reason that was given", async () => {
    const peer = await started({ role: "server", manualAccept: true });
    await peer.say(syn(1), syn(3));
    const [refused, reset] = [await peer.session.accept(), await peer.session.accept()];
    refused.refuse();
    reset.reset(300, "the disk is full");
    expect(await reasonOf(refused.read())).toEqual(saying("ECONNREFUSED", "refused here"));
    expect(await reasonOf(reset.read())).toEqual(saying("ECONNRESET", "reset here: the disk is full"));
    // A reason that was not given is not sent.
    expect(told(await peer.listen())).toEqual([rst(1, 5), { type: "REASON", streamId: 3, code: 300, nodeId: "0000000000000000", text: "the disk is full" }, rst(3, 300)]);
  });
});

describe("the error of a stream whose unread bytes were too many", () => {
  const KiB = 1_024;

  it("says how many on this side, and that they were too many on the other", async () => {
    const pair = new SessionPair({ server: { maxUnreadBytes: 100 * KiB } });
    const [local, remote] = await pair.stream();
    void local.write(new Uint8Array(120 * KiB));
    await pair.settle();
    expect(await reasonOf(remote.read())).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD", remoteCode: 10, message: expect.stringMatching(/\d+ bytes of it lay unread/) as string });
    expect(await reasonOf(local.read())).toEqual(saying("ERR_ASTRANET_OVERLOAD", "too many unread bytes"));
    const unaccepted = pair.client.open();
    void unaccepted.write(new Uint8Array(120 * KiB));
    await pair.settle();
    expect(await reasonOf(unaccepted.read())).toEqual(saying("ECONNREFUSED", "too many unread bytes"));
  });

  it("comes to a reader also where both directions had ended: the bytes are dropped, and nothing is said to the peer", async () => {
    const peer = await started({ role: "server", maxUnreadBytes: 100 * KiB });
    await peer.say(syn(1, 60_000, Flag.FIN));
    const over = await peer.session.accept();
    void over.end();
    await peer.say(syn(3));
    const other = await peer.session.accept();
    await peer.listen();
    expect(told(await peer.say(data(3, 45_000)))).toEqual([]);
    expect([over.readableLength, other.readableLength, peer.session._options.budget.unreadBytes]).toEqual([0, 45_000, 45_000]);
    expect(await reasonOf(over.read())).toEqual(saying("ERR_ASTRANET_OVERLOAD", "60000 bytes of it lay unread"));
    // Nor does a sink that comes later hear of an end.
    const heard: string[] = [];
    expect(thrown(() => over.tryRead())).toMatchObject({ code: "ERR_ASTRANET_OVERLOAD" });
    over.attach({ data: () => heard.push("data"), end: () => heard.push("end"), reset: (error) => heard.push(error.code) });
    expect(heard).toEqual(["ERR_ASTRANET_OVERLOAD"]);
  });

  it("leaves a sink that was told the end already alone, and what it says to have consumed later is nothing", async () => {
    const peer = await started({ role: "server", maxUnreadBytes: 100 * KiB });
    await peer.say(syn(1), syn(3));
    const [over] = [await peer.session.accept(), await peer.session.accept()];
    const heard: string[] = [];
    over.attach({ data: nothing, end: () => heard.push("end"), reset: (error) => heard.push(error.code) });
    void over.end();
    await peer.say(data(1, 60_000, Flag.FIN));
    await peer.say(data(3, 45_000));
    expect([heard, over.readableLength]).toEqual([["end"], 0]);
    over.consume(60_000);
    expect(peer.session._options.budget.unreadBytes).toBe(45_000);
  });
});
