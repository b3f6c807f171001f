import { AstraError, type Clock, type Connection } from "@astranet/transport";
import type { SecureInit } from "../security.ts";
import { HandoverConnection } from "./handover-connection.ts";
import { agree, decodePreamble, encodePreamble, preambleBytes, type Preamble } from "./preamble.ts";

/** What the preambles have settled. */
export interface Greeted {
  /** The rest of the connection, for a session. */
  readonly connection: Connection;
  readonly initiator: boolean;
  /** What encryption rests on, where it was agreed: both preambles, the initiator's first, and the suites in them. */
  readonly encrypt: SecureInit | undefined;
}

/**
 * Writes our preamble and reads the other end's; neither waits for the other. `settle` is called once, with what came of it; after a failure the
 * connection is being closed. There is no time limit here: whoever waits ends it by aborting the connection.
 */
export function exchangePreambles(connection: Connection, ours: Preamble, clock: Clock, settle: (result: Greeted | { error: unknown }) => void): void {
  let settled = false;
  const fail = (error: unknown): void => {
    // Our preamble is on its way, and tells the other end what it has met. What it goes on to say is dropped.
    handover.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
    handover.close();
    settle({ error });
  };
  const look = (): void => {
    if (settled) return;
    const { over } = handover;
    const bytes = handover.peek(preambleBytes);
    let theirs: Preamble | undefined;
    let agreed: ReturnType<typeof agree>;
    try {
      theirs = decodePreamble(bytes, over !== undefined);
      if (theirs === undefined) {
        if (over !== undefined) fail(endedEarly(bytes.length, over.reason));
        return;
      }
      agreed = agree(ours, theirs);
    } catch (error) {
      fail(error);
      return;
    }
    settled = true;
    handover.take(preambleBytes);
    const { initiator, encrypted } = agreed;
    const [first, second] = initiator ? [ours, theirs] : [theirs, ours];
    const prologue = new Uint8Array([...encodePreamble(first), ...encodePreamble(second)]);
    settle({ connection: handover, initiator, encrypt: encrypted ? { initiator, prologue, ourSuites: ours.suites, theirSuites: theirs.suites } : undefined });
  };
  const handover = new HandoverConnection(connection, clock, look);
  connection.send([encodePreamble(ours)]);
}

/** The connection ended before there was a preamble. A TLS server does that, but so does an overloaded node: another try may help. */
function endedEarly(bytes: number, reason: unknown): AstraError {
  const after = bytes === 0 ? "without a word (is it a TLS port, or too busy?)" : `after ${bytes} bytes of its preamble`;
  return new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end closed the connection ${after}`, { retryable: true, cause: reason });
}
