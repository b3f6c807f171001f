/** One for all: it has no state. */
export const utf8: TextEncoder = new TextEncoder();
