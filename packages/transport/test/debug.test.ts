import { AstraError, memoryPair, MemoryTransport, systemClock, toConnection, type Connection } from "@astranet/transport";
import { conformance, debugConnection, DebugTransport } from "@astranet/transport/testing";
import { describe, expect, it } from "vitest";
import { collect } from "./collect.ts";

const bulkBytes = 4 * 1_024 * 1_024;

describe("debugConnection", () => {
  describe("over memory", () => {
    conformance({
      test: it,
      pair: () => {
        const [a, b] = memoryPair();
        return [debugConnection(a), debugConnection(b)];
      },
      bulkBytes,
    });
  });

  describe("over a MessagePort", () => {
    conformance({
      test: it,
      pair: () => {
        const { port1, port2 } = new MessageChannel();
        return [debugConnection(toConnection(port1)), debugConnection(toConnection(port2))];
      },
      bulkBytes,
    });
  });

  describe("over a transport", () => {
    const transport = new DebugTransport(new MemoryTransport());
    conformance({ test: it, transport: () => transport, network: "memory", address: () => "there", bulkBytes });
  });

  it("names a sender that changes what it has sent, and delivers the changed bytes", async () => {
    const violations: AstraError[] = [];
    const [inner, b] = memoryPair();
    const a = debugConnection(inner, { onviolation: (error) => violations.push(error) });
    const ends = Promise.all([collect(a), collect(b)]);
    const chunk = Uint8Array.of(1, 2, 3);
    a.send([chunk]);
    chunk[1] = 9;
    a.close();
    const [, { bytes }] = await ends;
    expect(violations.map(({ message }) => message)).toEqual(["ERR_ASTRANET_INVALID_STATE: byte 1 of a chunk of 3 was changed after it was sent"]);
    expect([...bytes]).toEqual([1, 9, 3]);
  });

  it("names a sender that changes it after it has left", async () => {
    const violations: AstraError[] = [];
    const [inner, b] = memoryPair();
    const a = debugConnection(inner, { onviolation: (error) => violations.push(error) });
    const chunk = Uint8Array.of(1, 2, 3);
    const ends = Promise.all([
      collect(a),
      collect(b, () => {
        chunk[0] = 7;
        a.close();
      }),
    ]);
    a.send([chunk]);
    await ends;
    expect(violations.map(({ message }) => message)).toEqual(["ERR_ASTRANET_INVALID_STATE: byte 0 of a chunk of 3 was changed after it was sent"]);
  });

  it("names a sender that transfers what it has sent", async () => {
    const [inner, b] = memoryPair();
    const a = debugConnection(inner);
    const ends = Promise.all([collect(a), collect(b)]);
    const chunk = Uint8Array.of(1, 2, 3);
    a.send([chunk]);
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
    const [{ reason }] = await ends;
    expect(AstraError.is(reason, "ERR_ASTRANET_INVALID_STATE")).toBe(true);
    expect(String(reason)).toContain("transferred");
  });

  it("lets the same unchanged bytes be sent many times", async () => {
    const [inner, b] = memoryPair();
    const a = debugConnection(inner);
    const ends = Promise.all([collect(a), collect(b)]);
    const chunk = Uint8Array.of(1, 2, 3);
    for (let i = 0; i < 10; i += 1) a.send([chunk, chunk]);
    a.close();
    const [{ reason }, { bytes }] = await ends;
    expect(reason).toBeUndefined();
    expect(bytes.length).toBe(60);
  });

  it("spoils what a connection goes on using after it was delivered", async () => {
    const reused = Uint8Array.of(1, 2, 3);
    const seen: number[][] = [];
    await new Promise<void>((resolve) => {
      const inner: Connection = {
        localAddress: "",
        remoteAddress: "",
        start: (sink) => {
          systemClock.defer(() => {
            sink.data(reused);
            sink.data(reused);
            sink.closed();
          });
        },
        send: () => true,
        close: () => undefined,
        abort: () => undefined,
      };
      debugConnection(inner).start({ data: (chunk) => seen.push([...chunk]), drain: () => undefined, closed: () => { resolve(); } });
    });
    expect(seen).toEqual([
      [1, 2, 3],
      [255, 255, 255],
    ]);
  });

  it("names a connection that calls its sink within a method, or after closed", () => {
    const violations: string[] = [];
    const inner: Connection = {
      localAddress: "",
      remoteAddress: "",
      start: (sink) => {
        sink.data(Uint8Array.of(1));
      },
      send: () => true,
      close: () => undefined,
      abort: () => undefined,
    };
    debugConnection(inner, { onviolation: ({ message }) => violations.push(message) }).start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
    expect(violations).toEqual(["ERR_ASTRANET_INVALID_STATE: data was called within a method of the connection"]);
  });

  it("says that it cannot listen where the transport underneath cannot", async () => {
    const transport = new DebugTransport({ networks: ["x"], dial: () => Promise.reject(new Error("no")) });
    await expect(transport.listen("x", "y", { onconnection: () => undefined })).rejects.toMatchObject({ code: "EINVAL" });
  });
});
