// What the tests dial, in Node and from a browser: says where it listens, and ends with its parent.
import { once } from "node:events";
import { WsTransport } from "@astranet/transport-ws";
import { echo } from "./collect.ts";
import { HeldBack } from "./held-back.ts";

const open = new WsTransport({ origins: ["*"] });
const heldBack = new HeldBack();
const listeners = [
  await open.listen("ws", "127.0.0.1:0/echo", { onconnection: echo }),
  await new WsTransport().listen("ws", "127.0.0.1:0", { onconnection: echo }),
  await open.listen("ws", "127.0.0.1:0", { onconnection: (connection) => heldBack.accept(connection) }),
];
process.send?.(listeners.map(({ address }) => address));
await once(process, "disconnect");
process.exit();
