// One connection, no node: the client opens one stream a request, and handles the streams that the server opens.
import { Session, SessionListener, type Stream } from "@astranet/mux";
import { TcpTransport } from "@astranet/transport-tcp";

/** What the first bytes of a stream's life say: the type it was opened with. */
const type = { square: 1, news: 2 } as const;

const transport = new TcpTransport();

async function text(stream: Stream): Promise<string> {
  let heard = "";
  for await (const chunk of stream) heard += new TextDecoder().decode(chunk);
  return heard;
}

function bytes(said: string): Uint8Array {
  return new TextEncoder().encode(said);
}

// ---- the server: answers requests, and has news for whoever is connected ----

async function serve(session: Session): Promise<void> {
  const news = ["doors open", "doors close"].map(async (item) => {
    const stream = session.open({ type: type.news });
    await stream.end(bytes(item));
    await stream.read();
  });
  for await (const stream of session) void answer(stream);
  await Promise.all(news);
}

async function answer(stream: Stream): Promise<void> {
  const number = Number(await text(stream));
  if (stream.type === type.square && Number.isFinite(number)) await stream.end(bytes(String(number ** 2)));
  else stream.reset(256, "that is no number");
}

const listener = new SessionListener(transport, "tcp4", "127.0.0.1:0");
const serving = (async () => {
  for await (const session of listener) void serve(session);
})();

// ---- the client ----

const heard: string[] = [];
let allHeard: () => void = () => undefined;
const twoItems = new Promise<void>((resolve) => (allHeard = resolve));

const session = await Session.dial(transport, "tcp4", await listener.listening, {
  onstream: (stream) => {
    void text(stream).then(async (item) => {
      if (heard.push(item) === 2) allHeard();
      await stream.end();
    });
  },
});

async function request(body: string): Promise<string> {
  const stream = session.open({ type: type.square });
  await stream.end(bytes(body));
  return text(stream);
}

const answers = await Promise.all(Array.from({ length: 1_000 }, (_, i) => request(String(i))));
const right = answers.filter((each, i) => each === String(i * i)).length;
console.log(`${right} of 1000 requests at once were answered rightly`);

await request("pi").catch((error: unknown) => console.log(`the last one: ${error instanceof Error ? error.message : String(error)}`));

await twoItems;
console.log(`meanwhile the server said: ${heard.sort().join(", ")}`);

await session.close();
await listener.close();
await serving;
