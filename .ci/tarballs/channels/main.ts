// prints: 3 words, and 42
import { Channels, client, pipe, serve, type Call, type Sender } from "@astranet/channel";
import { memoryPair } from "@astranet/transport";

interface Job {
  readonly words: string;
  readonly answer: Sender<number>;
}

interface Calculator {
  multiply(a: number, b: number): Promise<number>;
}

const [here, there] = memoryPair();
const near = new Channels(here, { role: "client" });
const far = new Channels(there, { role: "server" });

const working = (async () => {
  for await (const { words, answer } of await far.accept<Job>()) {
    await answer.send(words.split(" ").length);
    await answer.close();
  }
})();
const jobs = near.open<Job>();
const { sender: answer, receiver } = pipe<number>();
await jobs.send({ words: "what a world", answer });
const count = await receiver.receive();
await jobs.close();
await working;

const serving = far.accept<Call>().then((calls) => serve<Calculator>(calls, { multiply: (a, b) => a * b }));
const calls = near.open<Call>();
const product = await client<Calculator>(calls).multiply(6, 7);
await calls.close();
await serving;
await Promise.all([near.close(), far.close()]);
console.log(`${count} words, and ${product}`);
