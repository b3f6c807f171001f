import { pipe, select, sending, type Cases, type Pipe } from "@astranet/channel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { state } from "./support/state.ts";

/** What a call came to: its result, or the code of its error. */
type Outcome = unknown;

/** A call that was made, and what became of it. */
interface Call {
  /** Of the model: what it should have come to by now. */
  expected?: { readonly outcome: Outcome };
  /** Of the pipe. */
  got?: { readonly outcome: Outcome };
  readonly abort: AbortController;
}

interface Waiting {
  readonly call: Call;
  /** What the call comes to when it is served: `message` is what was received. */
  readonly served: (message?: number) => Outcome;
  readonly ended: () => Outcome;
  readonly message?: number;
}

/** A channel as its documentation has it, one step at a time. */
class ModelPipe {
  items: number[] = [];
  senders: Waiting[] = [];
  receivers: Waiting[] = [];
  over: "closed" | "broken" | undefined;
  cancelled = false;
  settled: "resolved" | "rejected" | undefined;
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get refusal(): { code: string } | undefined {
    if (this.over === "closed") return { code: "ERR_ASTRANET_INVALID_STATE" };
    if (this.cancelled) return { code: "EPIPE" };
    return this.over === undefined ? undefined : { code: "ECONNRESET" };
  }

  /** How it ended, once nothing is left to receive. */
  get end(): "closed" | "broken" | undefined {
    if (this.cancelled) return "closed";
    return this.items.length === 0 && this.senders.length === 0 ? this.over : undefined;
  }

  get canSend(): boolean {
    return this.items.length < this.capacity || this.receivers.length > 0;
  }

  get canReceive(): boolean {
    return this.items.length > 0 || this.senders.length > 0;
  }
}

class Model {
  readonly pipes: ModelPipe[];

  constructor(capacities: readonly number[]) {
    this.pipes = capacities.map((capacity) => new ModelPipe(capacity));
  }

  settle(call: Call, outcome: Outcome): void {
    call.expected = { outcome };
    for (const each of this.pipes) {
      each.senders = each.senders.filter((waiting) => waiting.call !== call);
      each.receivers = each.receivers.filter((waiting) => waiting.call !== call);
    }
  }

  send(at: ModelPipe, message: number): void {
    const first = at.items.length === 0 ? at.receivers[0] : undefined;
    if (first === undefined) at.items.push(message);
    else this.settle(first.call, first.served(message));
  }

  receive(at: ModelPipe): number {
    const item = at.items.shift();
    if (item !== undefined) return item;
    const sender = at.senders[0]!;
    this.settle(sender.call, sender.served());
    return sender.message!;
  }

  /** Whatever can happen between those who wait happens. */
  run(): void {
    for (let again = true; again; ) again = this.pipes.some((each) => this.#step(each));
  }

  #step(at: ModelPipe): boolean {
    const receiver = at.receivers[0];
    if (receiver !== undefined && at.items.length > 0) {
      this.settle(receiver.call, receiver.served(at.items.shift()));
      return true;
    }
    for (const each of at.receivers) {
      const sender = at.senders.find(({ call }) => call !== each.call);
      if (sender === undefined) continue;
      this.settle(sender.call, sender.served());
      this.settle(each.call, each.served(sender.message));
      return true;
    }
    const next = at.senders[0];
    if (next !== undefined && at.items.length < at.capacity) {
      at.items.push(next.message!);
      this.settle(next.call, next.served());
      return true;
    }
    if (receiver !== undefined && at.end !== undefined) {
      this.settle(receiver.call, at.end === "closed" ? receiver.ended() : { code: "ECONNRESET" });
      return true;
    }
    if (at.settled === undefined && (at.end !== undefined || at.over === "broken")) {
      at.settled = at.over === "broken" ? "rejected" : "resolved";
      return true;
    }
    return false;
  }
}

const at = fc.nat({ max: 1 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("trySend" as const), at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("receive" as const), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("next" as const), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("tryReceive" as const), at }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("select" as const), cases: fc.uniqueArray(fc.record({ sends: fc.boolean(), at }), { minLength: 1, selector: ({ sends, at: pipeAt }) => `${sends}${pipeAt}` }), wait: fc.integer({ min: 0, max: 3 }).map((n) => n > 0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("give up waiting" as const), which: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("abort" as const, "cancel" as const), at }) },
);

const codeOf = (error: unknown): Outcome => ({ code: (error as { code?: string }).code ?? String(error) });

function attempt(call: () => Outcome): Outcome {
  try {
    return call();
  } catch (error) {
    return codeOf(error);
  }
}

/** Plays the same calls on pipes and on the model. */
class Play {
  readonly pipes: Pipe<number>[];
  readonly model: Model;
  readonly calls: Call[] = [];
  #messages = 0;

  constructor(capacities: readonly number[]) {
    this.pipes = capacities.map((capacity) => pipe<number>({ capacity }));
    this.model = new Model(capacities);
  }

  get waiting(): Call[] {
    return this.calls.filter(({ expected }) => expected === undefined);
  }

  async do(what: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    if (what.do === "select") return this.#select(what.cases, what.wait);
    if (what.do === "give up waiting") {
      this.#giveUp(what.which);
      return;
    }
    const [real, model] = [this.pipes[what.at]!, this.model.pipes[what.at]!];
    if (what.do === "send") {
      const call = this.#call((signal) => real.sender.send((this.#messages += 1), { signal }));
      const message = this.#messages;
      if (model.refusal !== undefined) call.expected = { outcome: model.refusal };
      else if (model.canSend) {
        this.model.send(model, message);
        call.expected = { outcome: undefined };
      } else model.senders.push({ call, served: () => undefined, ended: () => undefined, message });
    } else if (what.do === "trySend") {
      const got = attempt(() => real.sender.trySend((this.#messages += 1)));
      expect(got).toEqual(model.refusal ?? model.canSend);
      if (got === true) this.model.send(model, this.#messages);
    } else if (what.do === "tryReceive") {
      const got = attempt(() => real.receiver.tryReceive());
      if (model.canReceive) expect(got).toEqual({ done: false, value: this.model.receive(model) });
      else expect(got).toEqual(model.end === undefined ? undefined : model.end === "closed" ? { done: true, value: undefined } : { code: "ECONNRESET" });
    } else if (what.do === "receive" || what.do === "next") {
      const { do: method } = what;
      const call = this.#call((signal) => real.receiver[method]({ signal }));
      const served = (value?: number): Outcome => (method === "next" ? { done: false, value } : value);
      const ended = (): Outcome => (method === "next" ? { done: true, value: undefined } : { code: "ERR_ASTRANET_CHANNEL_CLOSED" });
      if (model.canReceive) call.expected = { outcome: served(this.model.receive(model)) };
      else if (model.end !== undefined) call.expected = { outcome: model.end === "closed" ? ended() : { code: "ECONNRESET" } };
      else model.receivers.push({ call, served, ended });
    } else if (what.do === "close") {
      const call = this.#call(() => real.sender.close());
      call.expected = { outcome: undefined };
      if (!model.cancelled) model.over ??= "closed";
    } else if (what.do === "abort") {
      real.sender.abort();
      if (model.end !== undefined || model.over === "broken") return;
      model.over = "broken";
      model.items = [];
      for (const { call } of [...model.senders]) this.model.settle(call, { code: "ECONNRESET" });
    } else {
      real.receiver.cancel();
      if (model.cancelled) return;
      model.cancelled = true;
      model.items = [];
      for (const { call } of [...model.senders]) this.model.settle(call, { code: "EPIPE" });
    }
  }

  /** Everybody who should have an answer by now has it, and nobody else. */
  async check(): Promise<void> {
    this.model.run();
    await state(new Promise(() => undefined));
    for (const { expected, got } of this.calls) expect(got).toEqual(expected);
  }

  async #select(cases: readonly { sends: boolean; at: number }[], wait: boolean): Promise<void> {
    const messages = cases.map(() => (this.#messages += 1));
    const named: Cases = Object.fromEntries(cases.map((each, i) => [String(i), each.sends ? sending(this.pipes[each.at]!.sender, messages[i]!) : this.pipes[each.at]!.receiver]));
    const possible = cases.flatMap((each, i): Outcome[] => {
      const model = this.model.pipes[each.at]!;
      if (each.sends) return model.refusal !== undefined ? [model.refusal] : model.canSend ? [{ case: String(i) }] : [];
      if (model.canReceive) return [{ case: String(i), done: false, message: model.items[0] ?? model.senders[0]!.message }];
      return model.end === undefined ? [] : [model.end === "closed" ? { case: String(i), done: true } : { code: "ECONNRESET" }];
    });
    const call = this.#call((signal) => (wait ? select(named, { signal }) : select(named, { signal, wait: false })));
    await state(new Promise(() => undefined));
    if (possible.length > 0) {
      // Which of them is its choice; the model follows.
      expect(possible).toContainEqual(call.got?.outcome);
      call.expected = call.got!;
      const { case: name, done } = call.got!.outcome as { case?: string; done?: boolean };
      if (name === undefined || done === true) return;
      const chosen = this.model.pipes[cases[Number(name)]!.at]!;
      if (done === false) this.model.receive(chosen);
      else this.model.send(chosen, messages[Number(name)]!);
    } else if (!wait) call.expected = { outcome: undefined };
    else {
      for (const [i, each] of cases.entries()) {
        const [model, name] = [this.model.pipes[each.at]!, String(i)];
        if (each.sends) model.senders.push({ call, served: () => ({ case: name }), ended: () => undefined, message: messages[i]! });
        else model.receivers.push({ call, served: (message) => ({ case: name, done: false, message }), ended: () => ({ case: name, done: true }) });
      }
    }
  }

  #giveUp(which: number): void {
    const call = this.waiting[which % Math.max(1, this.waiting.length)];
    if (call === undefined) return;
    call.abort.abort({ code: "gave up" });
    this.model.settle(call, { code: "gave up" });
  }

  #call(begin: (signal: AbortSignal) => Promise<unknown>): Call {
    const abort = new AbortController();
    const call: Call = { abort };
    begin(abort.signal).then(
      (outcome) => (call.got = { outcome }),
      (error: unknown) => (call.got = { outcome: codeOf(error) }),
    );
    this.calls.push(call);
    return call;
  }
}

describe("pipes, whatever is done with them in whatever order,", () => {
  it("do what a channel does: each message goes to one, in order, and each who waits hears in his turn", async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })), fc.boolean(), fc.array(step, { maxLength: 40 }), async (capacities, watched, steps) => {
        const play = new Play(capacities);
        const closed = watched ? play.pipes.map(({ receiver }) => receiver.closed) : undefined;
        for (const each of steps) {
          await play.do(each);
          await play.check();
        }
        const states = await Promise.all((closed ?? play.pipes.map(({ sender }) => sender.closed)).map(state));
        expect(states).toEqual(play.model.pipes.map(({ settled }) => settled ?? "pending"));
      }),
      { numRuns: 500 },
    );
  });
});
