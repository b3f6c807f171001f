// Three nodes in one process, and no network at all: two pipes, attached to the node in the middle. Nothing here is awaited
// before its other end exists, so that two ends in one process cannot wait for each other.
import { AstraNet, memoryPair } from "astranet";

const middle = new AstraNet();
const left = new AstraNet();
const right = new AstraNet();

const [leftEnd, middleEnd] = memoryPair();
middle.attach(middleEnd);
left.attach(leftEnd);

const { port1, port2 } = new MessageChannel();
middle.attach(port1);
right.attach(port2);

const greeter = middle.bind("", "greeter");
const serving = (async () => {
  for await (const conn of greeter) {
    let name = "";
    for await (const chunk of conn) name += new TextDecoder().decode(chunk);
    await conn.end(new TextEncoder().encode(`hello, ${name}`));
  }
})();

for (const [name, net] of Object.entries({ left, right })) {
  const conn = await net.dial("", "greeter");
  await conn.end(new TextEncoder().encode(name));
  let answer = "";
  for await (const chunk of conn) answer += new TextDecoder().decode(chunk);
  console.log(answer);
}

await Promise.all([left.close(), right.close()]);
await middle.close();
await serving;
