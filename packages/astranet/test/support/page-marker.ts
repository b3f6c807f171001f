/** 1 KiB that a page and a node say to each other, and that nobody between them may see. */
export const pageMarker: string = Array.from({ length: 128 }, (_, i) => `line ${String(i).padStart(2, "0")}\n`).join("").slice(0, 1024);
