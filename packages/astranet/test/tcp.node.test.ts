import { describe, expect, it } from "vitest";
import { answer, ask, node } from "./support/nodes.ts";

describe("a node", () => {
  it("is reached over TCP at the address that listenAndServe gives back", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp4", "127.0.0.1:0");
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const membership = await client.join("tcp4", address);
    expect(membership.peer).toBe(server.id);
    void answer(server.bind("", "echo"));
    const conn = await client.dial("", "echo");
    expect(conn).toMatchObject({ service: "echo", localAddress: { id: client.id }, remoteAddress: { id: server.id } });
    expect(await ask(conn, "over tcp")).toBe("over tcp");
  });

  it("takes one URL instead of network and address", async () => {
    const [server, client] = [node(), node()];
    const { address } = await server.listenAndServe("tcp://127.0.0.1:0");
    expect((await client.join(`tcp://${address}/`, { retry: false })).peer).toBe(server.id);
  });
});
