// Joins the network, dials by name whom it has no link with, and goes on when the relay between them is killed. Its arguments: the secret, and the addresses it joins.
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { AstraError, AstraNet, type Conn } from "astranet";
import { httpAgent, undiciConnect } from "astranet/node";
import { Agent, fetch } from "undici";
import type { FromConsumer } from "./messages.ts";
import { duration, say } from "./say.ts";

const fileBytes = 256 * 1024 * 1024;
const streamCount = 100_000;
const dialsAtOnce = 500;

const [secret = "", ...addresses] = process.argv.slice(2);
const net = new AstraNet({ secret });

function check(right: boolean, what: string): void {
  if (!right) throw new Error(`wrong: ${what}`);
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  const result = await work();
  return [result, performance.now() - began];
}

async function joinAndFind(): Promise<void> {
  const [, ms] = await timed(async () => {
    await Promise.all(addresses.map((each) => net.join("tcp4", each)));
    await Promise.all(["web", "hash", "echo"].map((name) => net.waitFor(name)));
  });
  const names = net.services().map(({ name }) => name);
  check(names.join() === "echo,hash,web", `the services are ${names.join()}`);
  say("joined", `process ${String(process.pid)} sees ${names.join(", ")} after ${duration(ms)}, and has no link with their node`);
}

/** The way to the provider, and the first relay on it. */
async function traceWay(): Promise<string> {
  const { path, hops, why } = await net.trace("web");
  const way = hops.map(({ id, rttMs }) => `-> ${id} ${duration(rttMs)}`).join(" ");
  say("way", `to web (${why}): ${way}`);
  check(path.length > 2 && hops.length === path.length - 1, `the way is ${path.join(" ")}`);
  return path[1] ?? "";
}

async function getPage(path: string): Promise<string> {
  const [page, ms] = await timed(async () => {
    const [response] = (await once(get(`http://web/${path}`, { agent: httpAgent(net) }), "response")) as [IncomingMessage];
    check(response.statusCode === 200, `node:http got status ${String(response.statusCode)}`);
    return text(response);
  });
  check(page.endsWith(`You asked for /${path}.`), page);
  return `${page}  (${duration(ms)})`;
}

async function fetchPages(): Promise<void> {
  say("node:http", `http://web/with-node-http: ${await getPage("with-node-http")}`);

  const dispatcher = new Agent({ connect: undiciConnect(net) });
  const [fetched, fetchMs] = await timed(async () => {
    const response = await fetch("http://web/with-fetch", { dispatcher });
    check(response.status === 200, `fetch got status ${String(response.status)}`);
    return response.text();
  });
  check(fetched.endsWith("You asked for /with-fetch."), fetched);
  say("fetch", `http://web/with-fetch: ${fetched}  (${duration(fetchMs)})`);
  await dispatcher.close();
}

async function writeFile(path: string): Promise<void> {
  const file = await open(path, "w");
  const block = Buffer.alloc(8 * 1024 * 1024);
  for (let at = 0; at < fileBytes; at += block.length) await file.write(randomFillSync(block));
  await file.close();
}

async function sendFile(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "astranet-demo-"));
  try {
    const path = join(folder, "file");
    await writeFile(path);
    const sum = createHash("sha256");
    const [confirmed, ms] = await timed(async () => {
      const conn = await net.dial("", "hash");
      let sent = 0;
      process.stdout.write(`${"file".padEnd(9)} 256 MB:`);
      for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
        sum.update(chunk);
        await conn.write(chunk);
        const before = sent;
        sent += chunk.length;
        if (Math.floor((sent * 10) / fileBytes) > Math.floor((before * 10) / fileBytes)) process.stdout.write(` ${String(Math.round((sent * 100) / fileBytes))} %`);
      }
      console.log();
      await conn.end();
      return readAll(conn);
    });
    const digest = sum.digest();
    check(confirmed.equals(digest), `the other side's SHA-256 is ${confirmed.toString("hex")}, the file's ${digest.toString("hex")}`);
    say("", `SHA-256 ${digest.toString("hex").slice(0, 16)}… confirmed by the other side; ${duration(ms)}, ${String(Math.round(256_000 / ms))} MB/s, hashed at both ends`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function readAll(conn: Conn): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of conn) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Runs `work` for 0, 1, 2, … `streamCount`, some at a time. */
async function forAll(work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < streamCount) await work(next++);
  };
  await Promise.all(Array.from({ length: dialsAtOnce }, worker));
}

async function holdStreams(): Promise<Conn[]> {
  const conns: Conn[] = [];
  const [, openMs] = await timed(() =>
    forAll(async (index) => {
      conns[index] = await net.dial("", "echo");
    }),
  );
  const [, exchangeMs] = await timed(async () => {
    await Promise.all(
      conns.map(async (conn, index) => {
        await conn.write(Uint8Array.of(index));
        const answer = await conn.read();
        check(answer?.length === 1 && answer[0] === (index & 0xff), `stream ${String(index)} answered ${String(answer)}`);
      }),
    );
  });
  say("streams", `${streamCount.toLocaleString("en")} opened in ${duration(openMs)}; a byte there and back on each in ${duration(exchangeMs)}; all open`);
  return conns;
}

/** Waits until the relay that carries these Conns is gone. Each of them must say so, once, and name it. */
async function loseRelay(conns: readonly Conn[], relay: string): Promise<void> {
  const lost = conns.map(async (conn, index) => {
    try {
      await conn.closed;
    } catch (error) {
      if (AstraError.is(error, "ECONNRESET") && error.via?.includes(relay) === true) return;
      throw error;
    }
    throw new Error(`wrong: stream ${String(index)} ended as if nothing had happened`);
  });
  process.send?.({ holding: conns.length, relay } satisfies FromConsumer);
  await Promise.all(lost);
}

await joinAndFind();
const relay = await traceWay();
await fetchPages();
await sendFile();
const conns = await holdStreams();
await loseRelay(conns, relay);
const [page, ms] = await timed(() => getPage("over-another-way"));
say("lost", `${conns.length.toLocaleString("en")} streams, each with one ECONNRESET that names relay ${relay}`);
say("goes on", `${duration(ms)} later: ${page}`);
check((await traceWay()) !== relay, "the way leads over the relay that is gone");
await net.close();
process.disconnect();
