/** Our extension types of msgpack: see https://github.com/astranet/astranet/blob/main/docs/channels.md. Those below 64 are the application's, −1 is msgpack's own timestamp. */
export const extensionTypes = { undefined: 64, end: 65, map: 66, set: 67, bigint: 68, view: 69, error: 70, negativeZero: 71, buffer: 72 } as const;

/** Whether the bytes of an extension are one more value of msgpack. */
export function isNested(type: number): boolean {
  return (type >= 0 && type < 64) || type === extensionTypes.map || type === extensionTypes.set || type === extensionTypes.error;
}
