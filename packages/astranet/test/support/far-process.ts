// Services that a page reaches through a relay only, in a process of its own, which runs until its parent is gone. Its arguments: where the relay of the network
// that encrypts listens, and that of the network in clear. 'far-echo' says what it heard, and 'far-call' dials whatever name it is told.
import { AstraNet } from "astranet";
import { answer, ask } from "./talk.ts";

const nets = [false, true].map((insecure) => new AstraNet({ insecure }));
for (const [i, net] of nets.entries()) {
  await net.join("ws", process.argv[2 + i] ?? "");
  void answer(net.bind("", "far-echo"), "heard ");
  void answer(net.bind("", "far-call"), async (name) => ask(await net.dial("", name), "are you there?"));
}
process.on("disconnect", () => void Promise.all(nets.map((net) => net.close())));
process.send?.([...(nets[0]?.publicKey ?? [])]);
