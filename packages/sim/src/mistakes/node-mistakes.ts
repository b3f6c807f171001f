import type { Publication } from "@astranet/discovery";
import type { Clock, Connection, ConnectionSink, Transport } from "@astranet/transport";
import type { Process } from "../time/process.ts";
import type { Mistake } from "./mistake.ts";

/** A transport whose connections are `change`d. */
function changed(transport: Transport, change: (connection: Connection) => Connection): Transport {
  return {
    networks: transport.networks,
    dial: async (...args) => change(await transport.dial(...args)),
    listen: (network, address, init) => transport.listen!(network, address, { ...init, onconnection: (connection) => init.onconnection(change(connection)) }),
  };
}

/** A connection with another `send`. */
function sending(connection: Connection, send: (chunks: readonly Uint8Array[], original: Connection) => boolean): Connection {
  return {
    localAddress: connection.localAddress,
    remoteAddress: connection.remoteAddress,
    start: (sink: ConnectionSink) => connection.start(sink),
    send: (chunks) => send(chunks, connection),
    close: () => connection.close(),
    abort: (reason) => connection.abort(reason),
  };
}

function clockWith(clock: Clock, setTimer: Clock["setTimer"]): Clock {
  return { now: () => clock.now(), defer: (callback) => clock.defer(callback), setTimer };
}

export const nodeMistakes: readonly Mistake[] = [
  { name: "no-forwarding", says: "nodes on which others count hand nothing on", breaks: ["C3", "C4"], tampering: () => ({ routerOptions: (options) => ({ ...options, role: "peer" }) }) },
  {
    name: "never-forgets",
    says: "records of nodes that are gone are kept for ever",
    breaks: ["C4"],
    tampering: () => ({ routerOptions: (options) => ({ ...options, limits: { ...options.limits, forgetAfterMs: 1e9 } }) }),
  },
  {
    name: "no-keep-alive",
    says: "a peer that has fallen silent is believed in for ever",
    breaks: ["C2", "C8"],
    tampering: () => ({ routerOptions: (options) => ({ ...options, session: { ...options.session, keepAlive: false } }) }),
  },
  {
    name: "blind-directory",
    says: "services are listed whether or not their owners can be reached",
    breaks: ["D1", "C8"],
    tampering: () => ({ reachability: (router) => ({ cost: (id) => (id === router.id ? 0 : 1), hops: () => 1, subscribe: () => () => undefined }) }),
  },
  {
    name: "deaf-directory",
    says: "services are not listed when their owners can be reached again",
    breaks: ["D1", "D2"],
    tampering: () => ({ reachability: ({ reachability }) => ({ cost: (id) => reachability.cost(id), subscribe: () => () => undefined }) }),
  },
  {
    name: "never-withdraws",
    says: "a service that is closed stays on offer",
    breaks: ["D4"],
    tampering: () => ({ publication: (publication) => ({ ...bound(publication), withdraw: () => undefined, drain: () => undefined }) }),
  },
  {
    name: "never-exclusive",
    says: "a service that is to be exclusive is offered as any other",
    breaks: ["exclusive"],
    tampering: () => ({
      directory: (directory) => {
        const publish = directory.publish.bind(directory);
        directory.publish = (init) => publish({ ...init, exclusive: false });
        return directory;
      },
    }),
  },
  { name: "no-reconnect", says: "a link that is lost is not dialled again", breaks: ["C4"], tampering: () => ({ join: { retry: false } }) },
  { name: "no-back-off", says: "what cannot be reached is dialled again at once, and again", breaks: ["dials"], tampering: () => ({ join: { retry: { minDelayMs: 0, maxDelayMs: 0 } } }) },
  {
    name: "timers-left",
    says: "timers that were cancelled fire all the same",
    breaks: ["exit", "C3", "C4"],
    tampering: () => ({ clock: (clock) => clockWith(clock, (delayMs, callback) => (clock.setTimer(delayMs, callback), { cancel: () => undefined })) }),
  },
  {
    name: "slow-floods",
    says: "changes that come closely one after the other wait for half a second, not for 20 ms",
    breaks: ["C3"],
    tampering: () => ({ clock: (clock) => clockWith(clock, (delayMs, callback, options) => clock.setTimer(delayMs > 0 && delayMs <= 20 ? 500 : delayMs, callback, options)) }),
  },
  {
    name: "no-deadlines",
    says: "deadlines of ten seconds never come",
    breaks: ["dials", "C2"],
    tampering: () => ({
      clock: (clock) => clockWith(clock, (delayMs, callback, options) => (delayMs > 9000 && delayMs <= 10_000 ? { cancel: () => undefined } : clock.setTimer(delayMs, callback, options))),
    }),
  },
  {
    name: "bytes-changed",
    says: "one bit in a few thousand bytes is another on the way",
    breaks: ["streams", "C2", "R1"],
    tampering: () => ({
      transport: (transport: Transport, process: Process) =>
        changed(transport, (connection) =>
          sending(connection, (chunks, original) => {
            if (process.now() % 50 >= 1) return original.send(chunks);
            return original.send(chunks.map((chunk) => (chunk.length < 200 ? chunk : chunk.map((byte, i) => (i === 150 ? byte ^ 1 : byte)))));
          }),
        ),
    }),
  },
  {
    name: "bytes-swapped",
    says: "what is sent in one go may be sent in another order",
    breaks: ["streams", "C2"],
    tampering: () => ({
      transport: (transport: Transport) => changed(transport, (connection) => sending(connection, (chunks, original) => original.send(chunks.length > 2 ? [...chunks].reverse() : chunks))),
    }),
  },
];

function bound(publication: Publication): Publication {
  return { drain: () => publication.drain(), update: (change) => publication.update(change), withdraw: () => publication.withdraw() };
}
