/** The types of a link's streams. Applications have none of their own here: a Conn is a stream of type `dial`. */
export const streamTypes = {
  /** The client's first stream: HELLO, records and whatever else the two nodes tell each other. */
  control: 1,
  /** Reserved for streams through relays. */
  circuit: 2,
  dial: 3,
} as const;
