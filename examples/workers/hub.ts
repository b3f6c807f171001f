import { pipe, type Channels, type Sender } from "@astranet/channel";
import type { Job, Registration } from "./messages.ts";

/** A job that so many workers did not survive is its own fault. */
const mostTries = 3;

/** A job, and how many workers went in the middle of it. */
interface Tried extends Job {
  readonly lost: number;
}

/** Gives jobs to whichever workers have registered and are free. */
export class Hub {
  /** A rendezvous: a job waits here until a worker is free, and no free worker waits while there is a job. */
  readonly #todo = pipe<Tried>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Waits while all workers are busy, and for a first one. Rejects where three workers have gone in the middle of it. */
  async countPrimes(below: number): Promise<number> {
    const { sender: count, receiver } = pipe<number>({ capacity: 1 });
    await this.#todo.sender.send({ below, count, lost: 0 });
    return receiver.receive();
  }

  /** Takes the registrations of whoever has connected. */
  async welcome(channels: Channels): Promise<void> {
    try {
      for await (const registration of await channels.accept<Registration>()) void this.#employ(registration);
    } catch {
      // The connection is gone, as is the channel for jobs, and that is told below.
    }
  }

  /** Lets the workers go, when they have done what they were given. */
  async close(): Promise<void> {
    await this.#todo.sender.close();
  }

  async #employ({ name, jobs }: Registration): Promise<void> {
    this.#log(`${name} has registered`);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    jobs.closed.then(leave, leave);
    for (;;) {
      // One that is gone takes no job.
      const { done, value: job } = await this.#todo.receiver.next({ signal: gone.signal }).catch(() => ({ done: true, value: undefined }) as const);
      if (done === true) break;
      try {
        await job.count.send(await ask(jobs, job.below));
      } catch {
        this.#lost(job, name);
        break;
      }
    }
    await jobs.close();
  }

  #lost(job: Tried, name: string): void {
    const lost = job.lost + 1;
    if (lost === mostTries) {
      this.#log(`${name} is gone, as others before it, and its job is given up`);
      job.count.abort(new Error(`${lost} workers went while they counted below ${job.below}`));
      return;
    }
    this.#log(`${name} is gone, and another one gets its job`);
    this.#todo.sender.send({ ...job, lost }).catch((error: unknown) => job.count.abort(error));
  }
}

/** Rejects when the worker goes before it has answered. */
async function ask(jobs: Sender<Job>, below: number): Promise<number> {
  const { sender: count, receiver } = pipe<number>();
  await jobs.send({ below, count });
  return receiver.receive();
}
