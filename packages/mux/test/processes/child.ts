import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A process of a test: one of the programs in this folder. It ends with the test at the latest. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string>;
  readonly #lines: string[] = [];
  readonly #waiters: (() => void)[] = [];
  #over = false;

  constructor(program: string, args: readonly string[] = []) {
    const file = fileURLToPath(new URL(`./${program}.ts`, import.meta.url));
    this.process = spawn(process.execPath, ["--conditions=@astranet/source", "--import", "tsx", file, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.exited = new Promise((resolve) => {
      this.process.on("exit", (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve(code ?? signal ?? "");
      });
    });
    onTestFinished(() => {
      // One that is stopped dies of this too.
      this.process.kill("SIGKILL");
    });
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#over) throw new Error("the process ended without another line");
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
    return this.#lines.shift() ?? "";
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
