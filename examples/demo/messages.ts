/** A relay listens. */
export interface FromRelay {
  readonly address: string;
  readonly id: string;
}

/** The provider offers its services, and has joined the network. */
export interface FromProvider {
  readonly id: string;
}

/** The consumer holds so many streams open through this relay, and waits: first for a word that they were counted, then for the relay to be gone. */
export interface FromConsumer {
  readonly holding: number;
  readonly relay: string;
}
