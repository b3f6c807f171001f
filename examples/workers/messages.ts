import type { Sender } from "@astranet/channel";

/** What a worker sends to the hub: by which channel it wants its jobs. */
export interface Registration {
  readonly name: string;
  readonly jobs: Sender<Job>;
}

/** How many primes are there below a number? */
export interface Job {
  readonly below: number;
  /** Where the answer goes. */
  readonly count: Sender<number>;
}
