import { Unsupported } from "./unsupported.ts";

// A Date that is data, and nobody's clock.
// eslint-disable-next-line no-restricted-globals
const DateClass = Date;

/** Not one of a subclass with fields, which would be lost. A mocked clock makes Dates of a subclass without any. */
export function isDate(value: object): value is Date {
  return value instanceof DateClass && ((value as object).constructor === DateClass || Object.keys(value).length === 0);
}

/** Throws {@link Unsupported} for a Date that is none. */
export function copyOfDate(date: Date): Date {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new Unsupported(date, "is an invalid Date, which no message can hold");
  return new DateClass(ms);
}
