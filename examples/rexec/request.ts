import type { Sender } from "@astranet/channel";

/** What a client sends for each command. */
export interface Request {
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: ReadableStream<Uint8Array>;
  readonly stdout: WritableStream<Uint8Array>;
  readonly stderr: WritableStream<Uint8Array>;
  /** Hears how the command ended, when all of its output was written. */
  readonly exit: Sender<Exit>;
}

export interface Exit {
  /** As a shell has it: 128 and its number for a signal, 127 for a command that is not there, 126 for one that does not start. */
  readonly status: number;
  /** Which one, where a signal ended it. */
  readonly signal?: string;
}
