/** What a function of the owner's answered that says yes or no. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Of a refusal: what its text ends with, where the answer itself was a mistake; else "". */
  readonly mistake: string;
}

/** Asks such a function, the option `name`. Only `true` is a yes; what it throws is an uncaught exception, and a no. */
export function verdictOf(name: string, asks: () => unknown): Verdict {
  let answer: unknown;
  try {
    answer = asks();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    answer = false;
  }
  if (typeof answer === "boolean") return { isAllowed: answer, mistake: "" };
  // A promise's own error goes nowhere: the refusal says enough, and an unhandled rejection would end the process.
  Promise.resolve(answer).catch(() => undefined);
  return { isAllowed: false, mistake: `: ${name} must return a boolean, not ${described(answer)}` };
}

function described(answer: unknown): string {
  if (typeof (answer as { then?: unknown } | null | undefined)?.then === "function") return "a Promise";
  return answer === null || answer === undefined ? String(answer) : `a value of type ${typeof answer}`;
}
