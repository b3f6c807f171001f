/** The limits with the defaults for those that were not given. One that is undefined, as a caller without types may give it, is no limit that is off. */
export function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  return { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}
