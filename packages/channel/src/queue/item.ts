/** A message on its way: nobody else holds any of it. */
export interface Item {
  /** The message, with fresh ends in it. Throws where the other end sent what is none. */
  open(): unknown;
  /** Nobody will have it: closes what travels in it. */
  discard(): void;
  /** It was not sent: gives what travels in it back to who wanted to send it. */
  restore(): void;
}
