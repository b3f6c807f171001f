import { pipe, type Sender } from "@astranet/channel";
import type { Request } from "./request.ts";

export async function ask(requests: Sender<Request>, text: string): Promise<string> {
  const { sender: reply, receiver } = pipe<string>();
  await requests.send({ text, reply });
  return receiver.receive();
}
