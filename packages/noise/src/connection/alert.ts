import { AstraError } from "@astranet/transport";
import { lengthPrefix, type Frame } from "./frame-reader.ts";

/**
 * Why an end gives a handshake up: one byte, in clear, in place of a message. Whoever can put it on the wire can as well cut the
 * wire, so it ends this connection and nothing else; what it says is a word for people.
 */
export const alerts = { unknownSecret: 1, secretMissing: 2, secretUnexpected: 3, unreadable: 4, refused: 5, mismatch: 6 } as const;

type Alert = (typeof alerts)[keyof typeof alerts];

/** An error that ends a handshake, and the alert that tells the other end; none where that one has given up itself. */
export class Refusal extends Error {
  readonly alert: Alert | undefined;
  readonly error: unknown;

  constructor(alert: Alert | undefined, error: unknown) {
    super();
    this.alert = alert;
    this.error = error;
  }
}

/** The alert as bytes. */
export function alertFrame(alert: Alert): Uint8Array[] {
  return [lengthPrefix(1), Uint8Array.of(alert)];
}

/** The alert in a message, if it is one: no message of the handshake, and no record, is so short. */
export function alertIn({ pieces, length }: Frame): number | undefined {
  return length === 1 ? pieces[0]![0] : undefined;
}

/** What an alert of the other end means here. `secrets`: how many of ours were tried. */
export function alertError(alert: number, secrets: number): AstraError {
  switch (alert) {
    case alerts.unknownSecret:
      return new AstraError("EACCES", secrets === 1 ? "wrong secret: the other end does not know ours" : `wrong secret: the other end knows none of our ${secrets}`);
    case alerts.secretMissing:
      return new AstraError("EACCES", "no secret: the other end asks for one, and we have none");
    case alerts.secretUnexpected:
      return new AstraError("EACCES", "we use a secret, and the other end has none");
    case alerts.unreadable:
      return new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end could not read our handshake message: somebody changed it, or it has another key or wants another prologue");
    case alerts.refused:
      return new AstraError("EACCES", "the other end refused us");
    case alerts.mismatch:
      return new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end wants another version, pattern or cipher suite");
    default:
      return new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end gave the handshake up with code ${alert}, which we do not know`);
  }
}
