import { Channels, serve, type Call, type Receiver, type Sender } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import type { FlowSink, MessageServer } from "./message-peer.ts";

/** A call over a channel of its own for the answer. */
export interface Question {
  readonly request: Uint8Array;
  readonly answer: Sender<Uint8Array>;
}

/** What the server answers with `serve`. */
export interface Service {
  call(request: Uint8Array): Promise<Uint8Array>;
}

/** The first message of each channel: what it is for, and so what follows. */
export type Purpose = { readonly is: "flow"; readonly count: Sender<number> } | { readonly is: "questions" } | { readonly is: "calls" };

async function takeAll(messages: Receiver<Uint8Array>, count: Sender<number>, sink: FlowSink): Promise<void> {
  for await (const message of messages) sink.add(message);
  await count.send(sink.count);
  await count.close();
}

async function answerAll(questions: Receiver<Question>, server: MessageServer): Promise<void> {
  for await (const { request, answer } of questions) {
    await answer.send(server.answer(request));
    await answer.close();
  }
}

async function handle(channel: Receiver, server: MessageServer): Promise<void> {
  const purpose = (await channel.receive()) as Purpose;
  if (purpose.is === "flow") await takeAll(channel as Receiver<Uint8Array>, purpose.count, server.sink());
  else if (purpose.is === "questions") await answerAll(channel as Receiver<Question>, server);
  else await serve<Service>(channel as Receiver<Call>, { call: (request) => server.answer(request) });
}

async function handleAll(channels: Channels, server: MessageServer): Promise<void> {
  for await (const channel of channels) void handle(channel, server);
}

/** Serves flows, questions and calls over every connection. */
export async function listenChannels(server: MessageServer): Promise<number> {
  const listener = await new TcpTransport().listen("tcp", "127.0.0.1:0", {
    onconnection(connection) {
      void handleAll(new Channels(connection, { role: "server" }), server);
    },
  });
  return Number(listener.address.slice(listener.address.lastIndexOf(":") + 1));
}

export async function dialChannels(port: number): Promise<Channels> {
  return new Channels(await new TcpTransport().dial("tcp", `127.0.0.1:${String(port)}`), { role: "client" });
}

/** Opens a channel, says what it is for, and gives it for what follows. */
export async function openFor<T>(channels: Channels, purpose: Purpose): Promise<Sender<T>> {
  const sender = channels.open();
  await sender.send(purpose);
  return sender;
}
