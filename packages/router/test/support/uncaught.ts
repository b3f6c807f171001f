import { onTestFinished, vi } from "vitest";

/** What is thrown by itself until the test ends, which would otherwise be an uncaught exception of the process. */
export function uncaught(): readonly unknown[] {
  const thrown: unknown[] = [];
  const queue = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((callback) => {
    try {
      callback();
    } catch (error) {
      thrown.push(error);
    }
  });
  onTestFinished(() => queue.mockRestore());
  return thrown;
}
