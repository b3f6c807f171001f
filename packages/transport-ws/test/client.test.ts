import { WsTransport } from "@astranet/transport-ws";
import { describe, expect, inject, it } from "vitest";
import { bytes, collect, exchange } from "./support/collect.ts";

/** In Node these tests run over the `ws` package, in a browser over its own WebSocket; the far end is in Node both times. */
const isBrowser = typeof document !== "undefined";
const transport = new WsTransport();

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("a client", () => {
  it("dials a listener in Node, and ends in order", async () => {
    expect(await exchange(await transport.dial("ws", inject("echoAddress")))).toBe("hello");
    expect(await exchange(await transport.dial("ws", `ws://${inject("echoAddress")}`))).toBe("hello");
  });

  it("carries 10 MB there and back unharmed, in pieces of all sizes", async () => {
    const data = new Uint8Array(10_000_000);
    for (let i = 0; i < data.length; i += 1) data[i] = (i * 31 + (i >> 13)) & 255;
    const back = new Uint8Array(data.length);
    let received = 0;
    const connection = await transport.dial("ws", inject("echoAddress"));
    let sent = 0;
    let size = 1;
    const pump = (): void => {
      while (sent < data.length) {
        const room = connection.send([data.subarray(sent, sent + size), data.subarray(sent + size, sent + 2 * size)]);
        sent = Math.min(data.length, sent + 2 * size);
        size = (size * 7 + 3) % 150_001;
        if (!room) return;
      }
    };
    const closed = new Promise<unknown>((resolve) => {
      connection.start({
        data: (chunk) => {
          back.set(chunk, received);
          received += chunk.length;
          if (received === data.length) connection.close();
        },
        drain: pump,
        closed: resolve,
      });
    });
    pump();
    expect(await closed).toBeUndefined();
    expect(received).toBe(data.length);
    expect(await sha256(back)).toBe(await sha256(data));
  });

  it("is held back by a far end that does not read, and goes on when that does", async () => {
    const connection = await transport.dial("ws", inject("heldBackAddress"));
    const control = await transport.dial("ws", inject("heldBackAddress"));
    let drained = 0;
    const drain = new Promise<void>((resolve) => {
      connection.start({
        data: (chunk) => {
          expect(new TextDecoder().decode(chunk)).toBe(String(64 * 1_048_576));
          connection.close();
        },
        drain: () => {
          drained += 1;
          resolve();
        },
        closed: () => undefined,
      });
    });
    // More than the systems of both ends keep for it.
    const chunk = new Uint8Array(1_048_576);
    for (let i = 0; i < 63; i += 1) connection.send([chunk]);
    const last = chunk.slice();
    last[last.length - 1] = 1;
    expect(connection.send([last])).toBe(false);
    const answered = collect(control, () => {
      control.close();
    });
    const drainedBefore = drained;
    control.send([bytes("go")]);
    expect(await answered).toEqual({ text: "go", reason: undefined });
    expect(drainedBefore).toBe(0);
    await drain;
    expect(drained).toBe(1);
  });

  it("hears ECONNREFUSED where nobody listens or at another path", async () => {
    const elsewhere = inject("echoAddress").replace("/echo", "/elsewhere");
    await expect(transport.dial("ws", elsewhere)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    // The port of tcpmux, which nobody has and browsers refuse to dial.
    await expect(transport.dial("ws", "127.0.0.1:1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("rejects with the reason of an abort", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const dial = transport.dial("ws", inject("echoAddress"), { signal: controller.signal });
    controller.abort(reason);
    await expect(dial).rejects.toBe(reason);
    await expect(transport.dial("ws", inject("echoAddress"), { signal: controller.signal })).rejects.toBe(reason);
  });

  it("tells the far end of an abort", async () => {
    const connection = await transport.dial("ws", inject("echoAddress"));
    const collected = collect(connection);
    const reason = new Error("enough");
    connection.abort(reason);
    expect((await collected).reason).toBe(reason);
  });
});

describe.runIf(isBrowser)("a page", () => {
  it("cannot listen", async () => {
    await expect(transport.listen("ws", "127.0.0.1:0", { onconnection: () => undefined })).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT" });
  });

  it("is refused by a listener of another host that was not told its origin", async () => {
    await expect(transport.dial("ws", inject("otherHostAddress"))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe.runIf(!isBrowser)("a program", () => {
  it("is no page, and is taken without an origin", async () => {
    expect(await exchange(await transport.dial("ws", inject("otherHostAddress")))).toBe("hello");
  });
});
