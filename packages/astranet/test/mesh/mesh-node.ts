import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { NodeCalls } from "./node/calls.ts";
import type { Call, FromNode, NodeEvent, NodeSetup, ToldError } from "./node/messages.ts";

type Name = keyof NodeCalls;
type Answer<K extends Name> = Awaited<ReturnType<NodeCalls[K]>>;

/** A call that waits for its answer. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A node in another process, as this one sees it. Its process ends with it at the latest. */
export class MeshNode implements AsyncDisposable {
  readonly process: ChildProcess;
  /** Rejects when the process ends before the node is there. */
  readonly ready: Promise<void>;
  /** The exit code, or the signal that ended the process. */
  readonly exited: Promise<number | string>;
  /** All that happened to it, in order. */
  readonly events: NodeEvent[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #over: string | undefined;
  #id = "";
  #address = "";
  #publicKey: Uint8Array | undefined;

  constructor(setup: NodeSetup) {
    const main = fileURLToPath(new URL("node/main.ts", import.meta.url));
    const execArgv = ["--expose-gc", "--conditions=@astranet/source", "--import", "tsx"];
    this.process = fork(main, [JSON.stringify(setup)], { execArgv, serialization: "advanced" });
    this.exited = once(this.process, "exit").then(([code, signal]) => (code ?? signal) as number | string);
    this.ready = new Promise((resolve, reject) => this.#waiting.set(0, { resolve: () => resolve(), reject }));
    this.ready.catch(() => undefined);
    this.process.on("message", (message) => this.#take(message as FromNode));
    void this.exited.then((how) => this.#ended(how));
  }

  get id(): string {
    return this.#id;
  }

  /** Where it listens; "" where it does not. */
  get address(): string {
    return this.#address;
  }

  get publicKey(): Uint8Array | undefined {
    return this.#publicKey;
  }

  /** Asks the node for something. Rejects with the code of what it failed with there, and when the process ends. */
  async call<K extends Name>(name: K, ...args: Parameters<NodeCalls[K]>): Promise<Answer<K>> {
    if (this.#over !== undefined) throw new Error(`${name}: ${this.#over}`);
    const call = ++this.#calls;
    const answered = new Promise((resolve, reject) => this.#waiting.set(call, { resolve, reject }));
    // Where it cannot be sent, the process has ended, which says so to all who wait.
    this.process.send({ call, name, args } satisfies Call, () => undefined);
    return (await answered) as Answer<K>;
  }

  /** The first event of this name, of those that came already too, or that come. `where` may choose. */
  event(name: string, where: (event: NodeEvent) => boolean = () => true): Promise<NodeEvent> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.events.find((event) => event.name === name && where(event));
        if (found === undefined && this.#over === undefined) return;
        this.#watchers.delete(look);
        if (found === undefined) reject(new Error(`no ${name}: ${String(this.#over)}`));
        else resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that is stopped dies of this too.
    this.process.kill("SIGKILL");
    await this.exited;
  }

  #take(message: FromNode): void {
    switch (message.type) {
      case "ready":
        this.#id = message.id;
        this.#address = message.address;
        this.#publicKey = message.publicKey;
        this.#settle(0)?.resolve(undefined);
        return;
      case "answer":
        this.#settle(message.call)?.resolve(message.value);
        return;
      case "failed":
        this.#settle(message.call)?.reject(errorOf(message.error));
        return;
      case "event":
        this.events.push(message);
        this.#look();
    }
  }

  #settle(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }

  #ended(how: number | string): void {
    this.#over = `process ${String(this.process.pid)} ended with ${String(how)}`;
    for (const { reject } of this.#waiting.values()) reject(new Error(this.#over));
    this.#waiting.clear();
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function errorOf({ code, message, via, retryable }: ToldError): Error {
  return Object.assign(new Error(message), { code, via, retryable });
}
