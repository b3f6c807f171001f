import { AstraError } from "@astranet/transport";
import { gather, NO_BYTES, sameBytes } from "../crypto/bytes.ts";
import type { Suite } from "../crypto/provider.ts";
import { staticKeyOf } from "../identity.ts";
import { HINT_BYTES, hintOf } from "../psk.ts";
import { HandshakeState, type Pattern } from "../state/handshake-state.ts";
import { alertError, alertIn, alerts, Refusal } from "./alert.ts";
import type { Frame } from "./frame-reader.ts";
import { MAX_PSKS, type Remote, type Settings } from "./options.ts";
import { EMPTY_RECORD_BYTES, RecordCipher } from "./record-cipher.ts";
import type { Established } from "./secure-connection.ts";

/** A handshake from one end: it is given a frame for each `yield`, and sends through `send` and `sendRecord`. A {@link Refusal} tells the other end why. */
export type Exchange = Generator<undefined, Established, Frame>;

/** How an exchange sends. */
export interface ExchangeOutput {
  /** One message, whose length goes before it. */
  message(parts: readonly Uint8Array[]): void;
  /** A record, which has its length already. */
  record(pieces: readonly Uint8Array[]): void;
  /** The other end begins anew, and may send as much as before. */
  again(): void;
}

const version = 1;
const patterns: readonly Pattern[] = ["XX", "IK"];
const suites: readonly Suite[] = ["ChaChaPoly", "AESGCM"];
const label = new TextEncoder().encode("astranet noise 1\0");

/** version u8 | pattern u8 | suite u8 | secrets left u8: how many secrets the initiator will still try, this one included; 0: it has none. */
const HEADER_BYTES = 4;

/** The initiator's side. */
export function* initiate(settings: Settings, output: ExchangeOutput): Exchange {
  const { pattern, psks } = settings;
  const suite = settings.suites[0]!;
  for (let at = 0; ; at += 1) {
    const psk = psks[at];
    const header = Uint8Array.of(version, patterns.indexOf(pattern) + 1, suites.indexOf(suite) + 1, psks.length - at);
    const state = stateFor(settings, suite, psk, header);
    try {
      const first = state.writeMessage(pattern === "IK" ? payloadOf(settings, undefined) : NO_BYTES);
      const hint = psk === undefined ? NO_BYTES : hintOf(settings.crypto, psk, prologueOf(settings, header), first);
      output.message([header, hint, first]);
      const answer: Frame = yield;
      const alert = alertIn(answer);
      if (alert === alerts.unknownSecret && at + 1 < psks.length) continue;
      if (alert !== undefined) throw new Refusal(undefined, alertError(alert, psks.length));
      const remotePayload = state.readMessage(gather(answer.pieces));
      const remote = { remoteStatic: state.remoteStatic!, remotePayload };
      verify(settings, remote);
      if (pattern === "XX") output.message([state.writeMessage(payloadOf(settings, remote))]);
      const established = finish(settings, suite, state, remote);
      // The responder of IK cannot know yet whether our first message was recorded by somebody and sent again.
      if (pattern === "IK") output.record(established.send.seal([], 0));
      return established;
    } finally {
      state.destroy();
    }
  }
}

/** The responder's side. */
export function* respond(settings: Settings, output: ExchangeOutput): Exchange {
  const { pattern } = settings;
  const { suite, psk, header, first } = yield* firstMessage(settings, output);
  const state = stateFor(settings, suite, psk, header);
  try {
    const early = state.readMessage(first);
    let remote: Remote | undefined;
    if (pattern === "IK") {
      remote = { remoteStatic: state.remoteStatic!, remotePayload: early };
      verify(settings, remote);
    } else if (early.length > 0) throw new AstraError("ERR_ASTRANET_HANDSHAKE", "the first message carries data, which anybody could have recorded and sent again");
    output.message([state.writeMessage(payloadOf(settings, remote))]);
    const answer: Frame = yield;
    const alert = alertIn(answer);
    if (alert !== undefined) throw new Refusal(undefined, alertError(alert, 0));
    if (remote === undefined) {
      const remotePayload = state.readMessage(gather(answer.pieces));
      remote = { remoteStatic: state.remoteStatic!, remotePayload };
      verify(settings, remote);
      return finish(settings, suite, state, remote);
    }
    const established = finish(settings, suite, state, remote);
    try {
      if (answer.length !== EMPTY_RECORD_BYTES) throw new AstraError("ERR_ASTRANET_HANDSHAKE", "the other end did not confirm the handshake first");
      established.receive.open(answer);
    } catch (error) {
      established.send.destroy();
      established.receive.destroy();
      throw error;
    }
    return established;
  } finally {
    state.destroy();
  }
}

/** Waits for a first message that we can read: no key is computed, and nothing is kept, for one that is made without our secrets. */
function* firstMessage(settings: Settings, output: ExchangeOutput): Generator<undefined, { suite: Suite; psk: Uint8Array | undefined; header: Uint8Array; first: Uint8Array }, Frame> {
  const { crypto, psks } = settings;
  for (let tries = 1; ; tries += 1) {
    const frame: Frame = yield;
    const alert = alertIn(frame);
    if (alert !== undefined) throw new Refusal(undefined, alertError(alert, 0));
    const message = gather(frame.pieces);
    const { suite, secretsLeft } = readHeader(settings, message);
    const header = message.subarray(0, HEADER_BYTES);
    if (secretsLeft === 0) {
      if (psks.length > 0) throw new Refusal(alerts.secretMissing, new AstraError("EACCES", "no secret: we ask for one, and the other end has none"));
      return { suite, psk: undefined, header, first: message.subarray(HEADER_BYTES) };
    }
    if (psks.length === 0) throw new Refusal(alerts.secretUnexpected, new AstraError("EACCES", "the other end uses a secret, and we have none"));
    const hint = message.subarray(HEADER_BYTES, HEADER_BYTES + HINT_BYTES);
    const first = message.subarray(HEADER_BYTES + HINT_BYTES);
    const prologue = prologueOf(settings, header);
    // All are compared, so that the time does not tell which of them it was.
    const matching = psks.filter((psk) => sameBytes(hintOf(crypto, psk, prologue, first), hint));
    if (matching.length > 0) return { suite, psk: matching[0], header, first };
    if (secretsLeft === 1 || tries >= MAX_PSKS) {
      throw new Refusal(alerts.unknownSecret, new AstraError("EACCES", "wrong secret: the other end's is none of ours"));
    }
    output.message([Uint8Array.of(alerts.unknownSecret)]);
    output.again();
  }
}

function readHeader(settings: Settings, message: Uint8Array): { readonly suite: Suite; readonly secretsLeft: number } {
  const mismatch = (what: string): Refusal => new Refusal(alerts.mismatch, new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end wants ${what}`));
  const [theirVersion, patternNumber = 0, suiteNumber = 0, secretsLeft] = message;
  if (theirVersion !== version) throw mismatch(`version ${theirVersion ?? "unknown"} of the handshake, we speak ${version}`);
  const pattern = patterns[patternNumber - 1];
  if (pattern !== settings.pattern) throw mismatch(`the pattern ${pattern ?? patternNumber}, we want ${settings.pattern}`);
  const suite = suites[suiteNumber - 1];
  if (suite === undefined || !settings.suites.includes(suite)) throw mismatch(`the cipher suite ${suite ?? suiteNumber}, we take ${settings.suites.join(" or ")}`);
  if (secretsLeft === undefined) throw new AstraError("ERR_ASTRANET_HANDSHAKE", `the other end's first message is cut short at ${message.length} bytes`);
  return { suite, secretsLeft };
}

/** What both ends must agree on without saying it in the messages. The parts before the caller's have fixed lengths. */
function prologueOf(settings: Settings, header: Uint8Array): Uint8Array {
  const limits = new DataView(new ArrayBuffer(16));
  limits.setBigUint64(0, BigInt(settings.rekey.records));
  limits.setBigUint64(8, BigInt(settings.rekey.bytes));
  return gather([label, header, new Uint8Array(limits.buffer), settings.prologue]);
}

function stateFor(settings: Settings, suite: Suite, psk: Uint8Array | undefined, header: Uint8Array): HandshakeState {
  const { crypto, random, pattern, role, identity, remoteStatic } = settings;
  const prologue = prologueOf(settings, header);
  const staticKey = staticKeyOf(identity, crypto);
  return new HandshakeState({ crypto, random, pattern, suite, initiator: role === "initiator", prologue, staticKey, remoteStatic, psk });
}

function payloadOf(settings: Settings, remote: Remote | undefined): Uint8Array {
  let payload: Uint8Array;
  try {
    payload = settings.payload(remote);
  } catch (error) {
    throw new Refusal(alerts.refused, error);
  }
  if (payload.length <= settings.maxHandshakeBytes - HANDSHAKE_OVERHEAD_BYTES) return payload;
  const most = settings.maxHandshakeBytes - HANDSHAKE_OVERHEAD_BYTES;
  throw new Refusal(alerts.refused, new AstraError("EINVAL", `a payload of ${payload.length} bytes does not fit into a handshake: at most ${most} (see maxHandshakeBytes)`));
}

/** More than what the messages of a side have besides the payload. */
const HANDSHAKE_OVERHEAD_BYTES = 200;

function verify(settings: Settings, remote: Remote): void {
  if (settings.remoteStatic !== undefined && !sameBytes(settings.remoteStatic, remote.remoteStatic)) {
    throw new Refusal(alerts.refused, new AstraError("EACCES", "the other end has another key than the one that was asked for"));
  }
  try {
    settings.verify(remote);
  } catch (error) {
    throw new Refusal(alerts.refused, error);
  }
}

function finish(settings: Settings, suite: Suite, state: HandshakeState, remote: Remote): Established {
  const { role, pattern, rekey } = settings;
  const { send, receive } = state.split();
  return { role, pattern, suite, ...remote, handshakeHash: state.handshakeHash, send: new RecordCipher(send, rekey), receive: new RecordCipher(receive, rekey) };
}
