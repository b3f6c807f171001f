import { MemoryTransport } from "astranet";
import { describe, expect, inject, it } from "vitest";
import { answer, ask, node } from "./support/nodes.ts";

describe("a node, in Node or in a browser, over a WebSocket", () => {
  it("joins another one and dials its services, with the transports that it has by default", async () => {
    const net = node();
    const membership = await net.join("ws", inject("wsNode"));
    expect(await ask(await net.dial("", "echo"), "hello")).toBe("heard hello");
    expect(net.routes().map(({ id }) => id)).toEqual([membership.peer]);
  });

  it("offers services of its own", async () => {
    const net = node();
    await net.join(`ws://${inject("wsNode")}`);
    const name = `in-${net.id}x`;
    void answer(net.bind("", name), "here, ");
    expect(await ask(await net.dial("", "call"), name)).toBe("here, are you there?");
  });

  it("says which transport is missing where it was given others", async () => {
    const net = node({ transports: [new MemoryTransport()] });
    for (const network of ["ws", "wss"])
      await expect(net.join(network, "127.0.0.1:1")).rejects.toMatchObject({ code: "ERR_ASTRANET_NO_TRANSPORT", message: expect.stringContaining("WsTransport") as string });
  });
});
