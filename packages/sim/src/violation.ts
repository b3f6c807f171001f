/** An invariant that did not hold. */
export class Violation extends Error {
  /** Its name, as the documents have it: R1, C4, D3 … */
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }

  override get name(): string {
    return "Violation";
  }
}
