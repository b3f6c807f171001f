import type { Receiver } from "@astranet/channel";
import type { Request } from "./request.ts";

/** Answers every request, and says who did. */
export async function answer(requests: Receiver<Request>, who: string): Promise<void> {
  for await (const { text, reply } of requests) {
    await reply.send(`${text.toUpperCase()}, says ${who}`);
    await reply.close();
  }
}
