import type { Session, Stream } from "@astranet/mux";
import fc from "fast-check";
import { expect, it } from "vitest";
import { encode } from "../../frame/test/support/frames.ts";
import { expectMuxadoManners, muxado } from "./support/muxado.ts";
import type { RawPeer } from "./support/raw-peer.ts";

/** Carries what each says to the other, in pieces of at most `pieceBytes`, until neither says more. */
async function carry(a: RawPeer, b: RawPeer, pieceBytes: number): Promise<void> {
  for (let round = 0; round < 10_000; round++) {
    const [fromA, fromB] = [encode(await a.listen()).bytes, encode(await b.listen()).bytes];
    if (fromA.length + fromB.length === 0) return;
    for (let at = 0; at < fromA.length; at += pieceBytes) await b.hear(fromA.subarray(at, at + pieceBytes));
    for (let at = 0; at < fromB.length; at += pieceBytes) await a.hear(fromB.subarray(at, at + pieceBytes));
  }
  throw new Error("they never fall silent");
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 255);
}

async function echo(session: Session, types: (number | undefined)[]): Promise<void> {
  for await (const stream of session) {
    types.push(stream.type);
    void (async () => {
      for await (const chunk of stream) await stream.write(chunk);
      await stream.end();
    })();
  }
}

async function readAll(stream: Stream): Promise<Uint8Array> {
  const all: number[] = [];
  for await (const chunk of stream) for (const byte of chunk) all.push(byte);
  return Uint8Array.from(all);
}

const streams = fc.array(
  fc.record({
    fromClient: fc.boolean(),
    type: fc.nat(0xffff_fffe),
    writes: fc.array(fc.oneof({ weight: 5, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: fc.nat(40_000) }), { maxLength: 5 }),
  }),
  { maxLength: 6 },
);

it("two sessions of ours understand each other on muxado's wire, and say nothing that another muxado would not take", async () => {
  await fc.assert(
    fc.asyncProperty(streams, fc.boolean(), fc.constantFrom(1_000, 5_000, 262_144), fc.constantFrom(7, 1_000, 65_536), async (wanted, typedStreams, window, pieceBytes) => {
      const client = muxado("client", { typedStreams, window });
      const server = muxado("server", { typedStreams, window });
      const types: (number | undefined)[] = [];
      void echo(client.session, types);
      void echo(server.session, types);
      const answers = wanted.map(async ({ fromClient, type, writes }, index) => {
        const stream = (fromClient ? client : server).session.open(typedStreams ? { type } : {});
        const sent = writes.map((length) => pattern(length, index));
        for (const chunk of sent) void stream.write(chunk);
        void stream.end();
        expect(await readAll(stream)).toEqual(Uint8Array.from(sent.flatMap((chunk) => [...chunk])));
      });
      await carry(client, server, pieceBytes);
      await Promise.all(answers);
      const byNumber = (a = 0, b = 0): number => a - b;
      expect(types.sort(byNumber)).toEqual(wanted.map(({ type }) => (typedStreams ? type : undefined)).sort(byNumber));
      expect([client.session.streamCount, server.session.streamCount]).toEqual([0, 0]);
      void client.session.close();
      await carry(client, server, pieceBytes);
      await client.end();
      await server.end();
      expect(await client.session.closed).toMatchObject({ code: 0, remote: false });
      expect(await server.session.closed).toMatchObject({ code: 0, remote: true });
      expectMuxadoManners(client.frames);
      expectMuxadoManners(server.frames);
    }),
    { numRuns: 30 },
  );
}, 60_000);
