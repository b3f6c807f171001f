// A node in Node that listens for WebSockets of every page, tells its parent where, and runs until that is gone. It offers 'echo', and dials whatever name 'call' is told.
import { AstraNet, WsTransport } from "astranet";
import { answer, ask } from "./talk.ts";

const net = new AstraNet({ transports: [new WsTransport({ origins: ["*"] })] });
const { address } = await net.listenAndServe("ws", "127.0.0.1:0/mesh");
void answer(net.bind("", "echo"), "heard ");
void answer(net.bind("", "call"), async (name) => ask(await net.dial("", name), "are you there?"));
process.on("disconnect", () => void net.close());
process.send?.(address);
