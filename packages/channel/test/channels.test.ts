import { Channels, pipe } from "@astranet/channel";
import { Session } from "@astranet/mux";
import { memoryPair, toConnection } from "@astranet/transport";
import { channelBody, sidesOf } from "./support/channel-body.ts";

channelBody("within one process", () => Promise.resolve({ channel: () => Promise.resolve(pipe()), channelBack: () => Promise.resolve(pipe()), end: () => undefined }));

channelBody("over a session", () => {
  const [here, there] = memoryPair();
  const [client, server] = [new Session(here, { role: "client" }), new Session(there, { role: "server" })];
  const end = (): void => {
    client.abort();
    server.abort();
  };
  return Promise.resolve(sidesOf(new Channels(client), new Channels(server), end));
});

channelBody("over a pipe of memory", () => {
  const [here, there] = memoryPair();
  return Promise.resolve(sidesOf(new Channels(here, { role: "client" }), new Channels(there, { role: "server" })));
});

channelBody("over a MessagePort", () => {
  const { port1, port2 } = new MessageChannel();
  return Promise.resolve(sidesOf(new Channels(toConnection(port1), { role: "client" }), new Channels(port2, { role: "server" })));
});

channelBody("over a stream of another session", async () => {
  const [here, there] = memoryPair();
  const [client, server] = [new Session(here, { role: "client" }), new Session(there, { role: "server" })];
  const [out, incoming] = [client.open(), await server.accept()];
  const end = (): void => {
    client.abort();
    server.abort();
  };
  return sidesOf(new Channels(out, { role: "client" }), new Channels({ stream: incoming }, { role: "server" }), end);
});
