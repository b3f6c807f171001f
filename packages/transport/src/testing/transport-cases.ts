import type { Connection } from "../connection.ts";
import { AstraError } from "../errors.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { check, deferred, rejectionOf, within } from "./check.ts";
import type { ConnectionPair } from "./connection-cases.ts";
import { Probe } from "./probe.ts";

/** A transport that can listen, and where. */
export interface TransportSubject {
  readonly transport: Transport;
  readonly network: string;
  /** An address to listen at that nobody uses: port 0, or a fresh name. */
  readonly address: string;
  /** How long the end of a listener may take. Default 5,000. */
  readonly closeLimitMs?: number;
}

/** One case of the suite about `dial` and `listen`. */
export interface TransportCase {
  readonly title: string;
  readonly run: (subject: TransportSubject) => Promise<void>;
}

/** Dials a listener of its own, and closes that. */
export async function pairOver(subject: TransportSubject): Promise<ConnectionPair> {
  const accepted = deferred<Connection>();
  const listener = await listen(subject, accepted.resolve);
  try {
    const dialled = await subject.transport.dial(subject.network, listener.address);
    return [dialled, await accepted.promise];
  } finally {
    await listener.close();
  }
}

function listen({ transport, network, address }: TransportSubject, onconnection: (connection: Connection) => void, signal?: AbortSignal): Promise<TransportListener> {
  check(transport.listen !== undefined, "the transport cannot listen: give the suite pairs of connections instead");
  return transport.listen(network, address, { onconnection, ...(signal === undefined ? {} : { signal }) });
}

/** What every transport that listens does. */
export const transportCases: readonly TransportCase[] = [
  {
    title: "names the network in its list",
    run: (subject) => {
      check(subject.transport.networks.includes(subject.network), `'${subject.network}' is not among its networks`);
      return Promise.resolve();
    },
  },
  {
    title: "refuses a network it does not serve, with EINVAL",
    run: async ({ transport, address }) => {
      const error = await rejectionOf(transport.dial("no-such-network", address));
      check(AstraError.is(error, "EINVAL"), `dial rejected with ${String(error)}`);
    },
  },
  {
    title: "accepts each dialled connection once, at an address that dial takes unchanged",
    run: async (subject) => {
      const accepted: Probe[] = [];
      const listener = await listen(subject, (connection) => {
        accepted.push(new Probe(connection).start());
      });
      const dialled = [];
      for (let i = 0; i < 3; i += 1) dialled.push(new Probe(await subject.transport.dial(subject.network, listener.address)).start());
      for (const probe of dialled) probe.send(10);
      for (const probe of dialled) probe.close();
      await Promise.all(dialled.map((probe) => probe.closed()));
      await Promise.all(accepted.map((probe) => probe.closed()));
      check(accepted.length === 3, `${String(accepted.length)} connections were accepted of 3`);
      check(accepted.every(({ received }) => received === 10), "bytes were lost");
      await listener.close();
    },
  },
  {
    title: "answers ECONNREFUSED where nobody listens any more",
    run: async (subject) => {
      const listener = await listen(subject, () => undefined);
      await listener.close();
      const error = await rejectionOf(subject.transport.dial(subject.network, listener.address));
      check(AstraError.is(error, "ECONNREFUSED"), `dial rejected with ${String(error)}`);
    },
  },
  {
    title: "answers EADDRINUSE where somebody listens, and listens there again afterwards",
    run: async (subject) => {
      const listener = await listen(subject, () => undefined);
      const again = { ...subject, address: listener.address };
      const error = await rejectionOf(listen(again, () => undefined));
      check(AstraError.is(error, "EADDRINUSE"), `listen rejected with ${String(error)}`);
      await listener.close();
      const second = await listen(again, () => undefined);
      await second.close();
    },
  },
  {
    title: "leaves accepted connections alone when the listener closes, as often as it is told to",
    run: async (subject) => {
      const accepted = deferred<Connection>();
      const listener = await listen(subject, accepted.resolve);
      const a = new Probe(await subject.transport.dial(subject.network, listener.address)).start();
      const b = new Probe(await accepted.promise).start();
      const { closeLimitMs = 5_000 } = subject;
      const late = "did not resolve while a connection that was accepted was open: it must not wait for that";
      try {
        await within(closeLimitMs, Promise.all([listener.close(), listener.close()]), `the listener's close() ${late}`);
        await within(closeLimitMs, listener.closed, `the listener's closed ${late}`);
        await listener[Symbol.asyncDispose]();
        a.send(1_000);
        b.send(1_000);
        await Promise.all([a.receivedAll(1_000), b.receivedAll(1_000)]);
        a.close();
        await Promise.all([a.closed(), b.closed()]);
      } finally {
        a.abort();
        b.abort();
      }
    },
  },
  {
    title: "rejects a dial with the reason of a signal that was aborted before",
    run: async (subject) => {
      const reason = new Error("too late");
      const listener = await listen(subject, () => {
        reason.message = "somebody was accepted";
      });
      const error = await rejectionOf(subject.transport.dial(subject.network, listener.address, { signal: AbortSignal.abort(reason) }));
      check(error === reason && reason.message === "too late", `dial rejected with ${String(error)}`);
      await listener.close();
    },
  },
  {
    title: "rejects a pending dial with the reason of its signal, and leaves no connection behind",
    run: async (subject) => {
      const accepted: Probe[] = [];
      const listener = await listen(subject, (connection) => {
        accepted.push(new Probe(connection).start());
      });
      for (let i = 0; i < 5; i += 1) {
        const reason = new Error("changed my mind");
        const controller = new AbortController();
        const dial = subject.transport.dial(subject.network, listener.address, { signal: controller.signal });
        controller.abort(reason);
        const error = await rejectionOf(dial);
        check(error === reason, `dial rejected with ${String(error)}`);
      }
      // Of an abort that comes after it has resolved a dial knows nothing.
      const controller = new AbortController();
      const a = new Probe(await subject.transport.dial(subject.network, listener.address, { signal: controller.signal })).start();
      controller.abort(new Error("after the fact"));
      a.send(10);
      a.close();
      check((await a.closed()) === undefined, "an abort after the dial broke the connection");
      await Promise.all(accepted.map((probe) => probe.closed()));
      await listener.close();
    },
  },
  {
    title: "rejects a listen with the reason of a signal that was aborted before, and nothing listens",
    run: async (subject) => {
      const reason = new Error("too late");
      const error = await rejectionOf(listen(subject, () => undefined, AbortSignal.abort(reason)));
      check(error === reason, `listen rejected with ${String(error)}`);
      await (await listen(subject, () => undefined)).close();
    },
  },
];
