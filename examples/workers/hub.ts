import { pipe, type Channels, type Sender } from "@astranet/channel";
import type { Job, Registration } from "./messages.ts";

/** Gives jobs to whichever workers have registered and are free. */
export class Hub {
  /** A rendezvous: a job waits here until a worker is free, and no free worker waits while there is a job. */
  readonly #todo = pipe<Job>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Waits while all workers are busy, and for a first one. */
  async countPrimes(below: number): Promise<number> {
    const { sender: count, receiver } = pipe<number>({ capacity: 1 });
    await this.#todo.sender.send({ below, count });
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
        this.#log(`${name} is gone, and another one gets its job`);
        this.#todo.sender.send(job).catch((error: unknown) => job.count.abort(error));
        break;
      }
    }
    await jobs.close();
  }
}

/** Rejects when the worker goes before it has answered. */
async function ask(jobs: Sender<Job>, below: number): Promise<number> {
  const { sender: count, receiver } = pipe<number>();
  await jobs.send({ below, count });
  return receiver.receive();
}
