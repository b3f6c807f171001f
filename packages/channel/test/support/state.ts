/** Whether a promise is settled, once all that is due in this tick has happened. */
export async function state(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  const pending = Symbol("pending");
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "pending" : "resolved"),
    () => "rejected",
  );
}
