/** The provider listens. */
export interface FromProvider {
  readonly address: string;
}

/** The consumer holds so many streams open, and waits for a word to go on. */
export interface FromConsumer {
  readonly holding: number;
}
