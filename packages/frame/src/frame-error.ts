/** Bytes that break the wire format. `wireCode` is what a GOAWAY should carry. The decoder is of no further use after it. */
export class FrameError extends Error {
  readonly wireCode: number;

  constructor(wireCode: number, message: string) {
    super(message);
    this.wireCode = wireCode;
  }

  override get name(): string {
    return "FrameError";
  }
}
