import { describe, expect, it } from "vitest";
import { InboundQueue } from "../src/stream/inbound-queue.ts";

/** A chunk that is a small part of what one read of the connection delivered. */
function small(length: number): Uint8Array {
  return new Uint8Array(1_000).subarray(0, length).fill(length);
}

function buffersOf(queue: InboundQueue): ArrayBufferLike[] {
  const buffers = new Set<ArrayBufferLike>();
  queue.buffers(buffers);
  return [...buffers];
}

describe("an inbound queue", () => {
  it("keeps a chunk that is half of its buffer as it is, and copies one that is less", () => {
    const queue = new InboundQueue();
    const [half, less] = [new Uint8Array(10).subarray(5), new Uint8Array(10).subarray(6)];
    for (const chunk of [half, less]) queue.push(chunk);
    queue.compact();
    expect(queue.shift()).toBe(half);
    expect(queue.shift().buffer).not.toBe(less.buffer);
  });

  it("copies nothing twice, whatever is read meanwhile", () => {
    const queue = new InboundQueue();
    queue.push(new Uint8Array(10));
    queue.push(small(10));
    queue.compact();
    queue.shift();
    const [block] = buffersOf(queue);
    queue.push(new Uint8Array(10));
    queue.compact();
    expect(queue.shift().buffer).toBe(block);
  });

  it("goes on filling its block after what came before it was read", () => {
    const queue = new InboundQueue();
    queue.push(new Uint8Array(10));
    queue.push(small(10));
    queue.compact();
    queue.shift();
    queue.push(small(20));
    queue.compact();
    expect(buffersOf(queue)).toHaveLength(1);
    expect([...queue.shift()]).toEqual([...new Uint8Array(10).fill(10), ...new Uint8Array(20).fill(20)]);
  });

  it("never writes into a buffer of the connection", () => {
    const queue = new InboundQueue();
    const read = new Uint8Array(10).fill(7);
    queue.push(read.subarray(0, 6));
    queue.push(small(3));
    queue.compact();
    expect([...read]).toEqual([...new Uint8Array(10).fill(7)]);
  });
});
