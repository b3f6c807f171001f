/** Shared: nobody can change it. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

export const utf8: TextEncoder = new TextEncoder();
