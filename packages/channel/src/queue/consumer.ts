/** Takes messages out of a queue to somewhere else, one after the other. */
export interface Consumer {
  /** Whether there is room for a message. Throws where there never will be again. */
  readonly isReady: boolean;
  /** Resolves when `isReady` may be true. Rejects where it would throw. */
  ready(): Promise<void>;
  /** Takes a message of the application's, with the ends in it, where `isReady`. Throws where the message cannot be taken, and then nothing of it was. */
  take(message: unknown): void;
  /** No message follows. Resolves when that is on its way. */
  end(): Promise<void>;
  /** The sender gave up. */
  fail(reason: unknown): void;
}
