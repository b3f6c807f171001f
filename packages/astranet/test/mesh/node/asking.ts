import type { AstraNet } from "astranet";
import { told } from "./messages.ts";

/** Dials a service again and again, one dial after the other, and says a byte each time. */
export class Asking {
  readonly #net: AstraNet;
  readonly #address: string;
  readonly #counts: Record<string, number> = {};
  readonly #over: Promise<void>;
  #answers = 0;
  #waiting: { readonly from: number; resolve(): void } | undefined;
  #stopped = false;

  constructor(net: AstraNet, address: string) {
    this.#net = net;
    this.#address = address;
    this.#over = this.#run();
  }

  asked(count: number): Promise<void> {
    return new Promise((resolve) => (this.#waiting = { from: this.#answers + count, resolve }));
  }

  async stop(): Promise<Record<string, number>> {
    this.#stopped = true;
    await this.#over;
    return this.#counts;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const who = await this.#ask().catch((error: unknown) => `failed: ${told(error).message}`);
      this.#counts[who] = (this.#counts[who] ?? 0) + 1;
      this.#answers += 1;
      if (this.#waiting !== undefined && this.#answers >= this.#waiting.from) this.#waiting.resolve();
    }
  }

  /** Gives the id of who answered. */
  async #ask(): Promise<string> {
    const conn = await this.#net.dial("", this.#address);
    await conn.write(Uint8Array.of(1));
    const answer = await conn.read();
    await conn.close();
    return answer?.[0] === 1 ? conn.remoteAddress.id : "failed: another answer";
  }
}
