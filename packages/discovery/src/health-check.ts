import { AstraError, type Clock, type Timer } from "@astranet/transport";

/** Between two checks. */
export const defaultCheckIntervalMs = 5000;

/** Throws EINVAL. */
export function checkInterval(intervalMs: number): number {
  if (Number.isFinite(intervalMs) && intervalMs > 0) return intervalMs;
  throw new AstraError("EINVAL", `checkIntervalMs is a positive number of milliseconds, not ${intervalMs}`);
}

/** What a HealthCheck is made with. */
export interface HealthCheckInit {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly check: () => boolean | Promise<boolean>;
  /** It is well, and was not; or the other way round. At first it counts for well. */
  readonly changed: (well: boolean) => void;
}

/** Asks a service's owner again and again whether the service is well. One check is under way at a time: what does not answer until the next is due is not well. */
export class HealthCheck {
  readonly #init: HealthCheckInit;
  #timer: Timer | undefined;
  #well = true;
  #pending = false;
  #closed = false;

  /** The first check is at the end of this tick. */
  constructor(init: HealthCheckInit) {
    this.#init = init;
    init.clock.defer(() => this.#tick());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    if (this.#closed) return;
    const { clock, intervalMs } = this.#init;
    this.#timer = clock.setTimer(intervalMs, () => this.#tick());
    if (this.#pending) this.#set(false);
    else void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#pending = true;
    let well = false;
    try {
      well = await this.#init.check();
    } catch {
      // A check that fails says that the service is not well; why is the application's business.
    }
    this.#pending = false;
    this.#set(well);
  }

  #set(well: boolean): void {
    if (this.#closed || well === this.#well) return;
    this.#well = well;
    this.#init.changed(well);
  }
}
