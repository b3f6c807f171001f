/** How deep a message may be nested: beyond it, it is refused where it is sent and where it comes. */
export const defaultMaxDepth = 64;
/** How many values a message may have that comes: an empty object is one byte on the wire, and fifty in memory. */
export const defaultMaxValues = 1_000_000;
