import { AstraError, type AstraNet, type Conn } from "astranet";
import { type Moment, moment } from "./messages.ts";

/** What became of many Conns. */
export interface Ends {
  /** Those that are still open. */
  readonly open: number;
  /** How each of the others ended, by code and by the nodes that are named, and how often. */
  readonly ends: Readonly<Record<string, number>>;
  /** Conns that ended more than once, or on which something came after their end. */
  readonly disorderly: number;
  /** When the last one ended. */
  readonly last: Moment;
  /** Messages that came. */
  readonly messages: number;
}

/** Conns on which a message goes to and fro without a pause, from the moment that it is given its first. */
export class Conversations {
  #open = 0;
  readonly #ends = new Map<string, number>();
  #disorderly = 0;
  #last: Moment = moment();
  #messages = 0;
  readonly #conns = new Set<Conn>();
  #finishing = false;
  readonly #watchers = new Set<() => void>();

  get ends(): Ends {
    return { open: this.#open, ends: Object.fromEntries(this.#ends), disorderly: this.#disorderly, last: this.#last, messages: this.#messages };
  }

  /** Answers each message with itself. */
  async serve(listener: AsyncIterable<Conn>): Promise<void> {
    for await (const conn of listener) this.#hold(conn);
  }

  /** Dials, some at a time, and says `bytes` to each, if any. */
  async open(net: AstraNet, address: string, count: number, bytes: number): Promise<void> {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const conn = await net.dial("", address);
        this.#hold(conn);
        if (bytes > 0) void conn.write(new Uint8Array(bytes)).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: 200 }, worker));
  }

  /** Resolves when so many messages came, all together. */
  async heard(messages: number): Promise<Ends> {
    await this.#until(() => this.#messages >= messages);
    return this.ends;
  }

  /** Resolves when none is open. */
  async over(): Promise<Ends> {
    await this.#until(() => this.#open === 0);
    return this.ends;
  }

  /** This side says nothing more: the answer to what comes is the end. Resolves when none is open. */
  async finish(): Promise<Ends> {
    this.#finishing = true;
    return this.over();
  }

  reset(): void {
    for (const conn of this.#conns) conn.reset();
  }

  #hold(conn: Conn): void {
    this.#open += 1;
    this.#conns.add(conn);
    let ends = 0;
    const ended = (how: string): void => {
      ends += 1;
      if (ends > 1) this.#disorderly += 1;
      else this.#count(conn, how);
    };
    conn.attach({
      data: (chunk) => {
        if (ends > 0) this.#disorderly += 1;
        this.#messages += 1;
        conn.consume(chunk.length);
        void (this.#finishing ? conn.end() : conn.write(chunk)).catch(() => undefined);
        this.#look();
      },
      end: () => void conn.end().catch(() => undefined),
      reset: (error) => ended(nameOf(error)),
    });
    conn.closed.then(
      () => ended("whole"),
      // The sink has heard of it, unless its direction had ended before.
      (error: unknown) => {
        if (ends === 0) ended(nameOf(error));
      },
    );
  }

  #count(conn: Conn, how: string): void {
    this.#open -= 1;
    this.#conns.delete(conn);
    this.#ends.set(how, (this.#ends.get(how) ?? 0) + 1);
    this.#last = moment();
    this.#look();
  }

  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function nameOf(error: unknown): string {
  if (!AstraError.is(error)) return String(error);
  return [error.code, ...(error.via ?? [])].join(" ");
}
