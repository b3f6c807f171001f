import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Duplex, duplexPair, PassThrough, type DuplexOptions } from "node:stream";
import { toConnection } from "@astranet/transport/node";
import { conformance } from "@astranet/transport/testing";
import { describe, it } from "vitest";

const bulkBytes = 16 * 1_024 * 1_024;

/** Node's pair tells nobody that an end was destroyed. */
function linkedPair(options: DuplexOptions): [Duplex, Duplex] {
  const [a, b] = duplexPair(options);
  a.once("close", () => b.destroy());
  b.once("close", () => a.destroy());
  return [a, b];
}

/** Two Duplexes of which each emits 'data' within the other's write. */
function synchronousPair(options: DuplexOptions): [Duplex, Duplex] {
  const there = new PassThrough(options);
  const back = new PassThrough(options);
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })];
}

describe("Duplex pair", () => {
  conformance({
    test: it,
    pair: () => {
      const [a, b] = linkedPair({});
      return [toConnection(a), toConnection(b)];
    },
    bulkBytes,
  });
});

describe("Duplexes that deliver within write", () => {
  conformance({
    test: it,
    pair: () => {
      const [a, b] = synchronousPair({});
      return [toConnection(a), toConnection(b)];
    },
    bulkBytes,
  });
});

describe("Duplexes with a high-water mark above 128 KiB", () => {
  conformance({
    test: it,
    pair: () => {
      const [a, b] = linkedPair({ highWaterMark: 1_048_576 });
      return [toConnection(a), toConnection(b)];
    },
    bulkBytes,
  });
});

describe("pairs of a Readable and a Writable", () => {
  conformance({
    test: it,
    pair: () => {
      const there = new PassThrough();
      const back = new PassThrough();
      return [toConnection({ readable: back, writable: there }), toConnection({ readable: there, writable: back })];
    },
    bulkBytes,
  });
});

describe("sockets that are not half-open", () => {
  conformance({
    test: it,
    pair: async () => {
      const server = createServer({ pauseOnConnect: true });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { connect } = await import("node:net");
      const dialled = connect((server.address() as AddressInfo).port, "127.0.0.1");
      const [accepted] = (await once(server, "connection")) as [Socket];
      server.close();
      return [toConnection(dialled), toConnection(accepted)];
    },
    bulkBytes,
  });
});
