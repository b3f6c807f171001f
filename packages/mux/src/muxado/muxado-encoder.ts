import { FrameEncoder } from "@astranet/frame";

const TYPE_LENGTH = 4;

/** muxado has four frame types: what the others say is not said, and a stream's type is the first four bytes of its payload. */
export class MuxadoEncoder extends FrameEncoder {
  override data(streamId: number, flags: number, length: number, type = -1): void {
    if (type === -1) {
      super.data(streamId, flags, length);
      return;
    }
    super.data(streamId, flags, length + TYPE_LENGTH);
    this.payload(Uint8Array.of(type >>> 24, type >>> 16, type >>> 8, type), 0, TYPE_LENGTH);
  }

  override open(): void {
    // No OPEN.
  }

  override urgency(): void {
    // No OPEN.
  }

  override accept(): void {
    // No ACCEPT.
  }
}
