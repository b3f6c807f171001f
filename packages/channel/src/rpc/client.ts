import { AstraError } from "@astranet/transport";
import { pipe } from "../pipe.ts";
import { checkSignal } from "../promises.ts";
import { Sender, type Abortable } from "../sender.ts";
import { isStream, type Answer, type Call } from "./call.ts";
import { Results, type ArgumentStream } from "./results.ts";
import type { Client } from "./types.ts";

/**
 * Calls the methods of a service that somebody serves at the other end of the channel (see `serve`). Each method takes exactly the arguments that the interface says, and sends a message with what is
 * called, the arguments, and a channel for the answers. `options` are those of every call through this client; one costs nothing, so that a call with a time limit of its own is
 * `client<Files>(calls, { signal: AbortSignal.timeout(1000) }).stat("x")`.
 *
 * What a method gives may be awaited (the result), iterated once (its stream of results), or both ignored. It rejects with the error that the method threw, as it travels in a message; with what a stream
 * of arguments threw here, itself; ECONNRESET or another code where the other side is gone; as `send` does for arguments that cannot be sent; ERR_ASTRANET_INVALID_STATE where the results were
 * iterated already; and with `signal.reason`. Whose caller gives up, by that signal or by leaving the iteration early, is told so: the signal of its context is aborted, and its streams of arguments break. A stream of arguments ends with its call: one that the method has not read to its end when it is through is ended here.
 *
 * Throws EINVAL where `calls` is no Sender, or `signal` no AbortSignal.
 */
export function client<S>(calls: Sender<Call>, options: Abortable = {}): Client<S> {
  if (!((calls as unknown) instanceof Sender)) throw new AstraError("EINVAL", "client calls over a Sender, and this is none");
  checkSignal(options.signal);
  return new Proxy({} as Client<S>, {
    get: (_target, method) => {
      // Whoever awaits the client itself asks for this.
      if (typeof method !== "string" || method === "then") return undefined;
      return (...args: unknown[]) => call(calls, method, args, options);
    },
  });
}

function call(calls: Sender<Call>, method: string, given: readonly unknown[], options: Abortable): Results {
  const streams: ArgumentStream[] = [];
  const args = given.map((source) => {
    if (!isStream(source)) return source;
    const { sender, receiver } = pipe();
    streams.push({ source, sender });
    return receiver;
  });
  const { sender: answer, receiver: answers } = pipe<Answer>();
  const sent = calls.send({ method, args, answer }, options);
  return new Results(sent, answers, streams, options.signal);
}
