import { Session, type SessionOptions, type Stream } from "@astranet/mux";
import { AstraError, type Clock, type Connection, type RandomSource, type Timer } from "@astranet/transport";
import { asAstraError } from "../as-astra-error.ts";
import type { NodeId } from "../node-id.ts";
import { checkKeyOfId, type Security } from "../security.ts";
import { streamTypes } from "../stream-types.ts";
import type { LinkFacts } from "./admission.ts";
import type { ControlMessage } from "./control-codec.ts";
import { ControlStream, refusalError, refuseMessage } from "./control-stream.ts";
import { exchangePreambles, type Greeted } from "./handshake.ts";
import { helloMessage, parseHello, sameBytes, type Hello } from "./hello.ts";
import type { Link, LinkState } from "./link-types.ts";
import { makePreamble, type LinkMode } from "./preamble.ts";

/** What a link needs of its node. */
export interface LinkHost {
  readonly id: NodeId;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly dialTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Undefined: links are in clear. */
  readonly security: Security | undefined;
  /** More for the session, as the node's owner says. */
  readonly session: Partial<SessionOptions>;
  /** Judges the connection before a byte is sent: its mode, or throws ERR_ASTRANET_INSECURE. */
  modeOf(connection: Connection, link: NodeLink): LinkMode;
  /** Who we are, on this link. */
  hello(link: NodeLink): Hello;
  /** Throws when the peer, which has said who it is, cannot be linked with. */
  check(link: NodeLink): void;
  /** The link is up from now on; may throw as `check` does. */
  up(link: NodeLink): void;
  /** It is up no more: draining, or closed. Comes once, and only after `up`. */
  leaving(link: NodeLink): void;
  closed(link: NodeLink, error: AstraError | undefined, wasUp: boolean): void;
  /** A link that was never up is over, and its peer is being told why: until `over` settles, which takes a moment at most. */
  parting(over: Promise<void>): void;
  /** A message of the peer's, other than those of the handshake. Undefined: not known. */
  message(link: NodeLink, message: ControlMessage): Promise<void> | undefined | "unknown";
  /** The peer opened a dial, or a circuit. Throws ERR_ASTRANET_PROTOCOL for what no honest peer opens. */
  dial(stream: Stream, peer: NodeId): void;
  circuit(stream: Stream, peer: NodeId): void;
}

/** What a NodeLink is made with. */
export interface LinkInit {
  /** Gives the connection, at once or once it is dialled. */
  readonly connection: Connection | ((signal: AbortSignal) => Promise<Connection>);
  /** Undefined: the preambles decide. */
  readonly initiator: boolean | undefined;
  /** What was dialled; "" for an attached or accepted connection. */
  readonly dialled: string;
  /** The network of a dialled or accepted connection; undefined for one that was attached. */
  readonly network: string | undefined;
  /** Whether the far end is beyond this machine. */
  isBeyond(connection: Connection): boolean;
}

/** Time for our last words to reach the peer, when we end a link for a reason. */
const lastWordsMs = 250;

/** A link, from its connection to its end: dialing → handshake → up → draining → closed. */
export class NodeLink implements Link, LinkFacts {
  readonly init: LinkInit;
  readonly nonce: Uint8Array;
  /** What its cost is multiplied by; set before it is up. */
  factor = 1;
  readonly ready: Promise<NodeId>;
  readonly closed: Promise<void>;
  readonly #host: LinkHost;
  /** While a dial is under way. */
  #dialing: AbortController | undefined;
  #state: LinkState = "dialing";
  #connection: Connection | undefined;
  #initiator: boolean | undefined;
  /** When our HELLO left; what answers it has made a round trip. */
  #helloAt = 0;
  #handshakeRttMs: number | undefined;
  #session: Session | undefined;
  #control: ControlStream | undefined;
  #hello: Hello | undefined;
  /** The key that the peer has proven to have. */
  #remoteKey: Uint8Array | undefined;
  #timer: Timer | undefined;
  /** After a GOAWAY that came before the link was up. */
  #goodbyeTimer: Timer | undefined;
  #confirmed = false;
  /** What the time limit found missing. Once there is a connection. */
  #stage!: string;
  #settleReady!: { resolve: (id: NodeId) => void; reject: (error: unknown) => void };
  #settleClosed!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(host: LinkHost, init: LinkInit) {
    this.#host = host;
    this.init = init;
    this.#initiator = init.initiator;
    this.nonce = host.random(8);
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.closed = new Promise((resolve, reject) => (this.#settleClosed = { resolve, reject }));
    this.ready.catch(() => undefined);
    this.closed.catch(() => undefined);
    if (typeof init.connection === "function") void this.#dial(init.connection);
    else this.#begin(init.connection);
  }

  get state(): LinkState {
    return this.#state;
  }

  get peer(): NodeId | undefined {
    return this.#state === "handshake" ? undefined : this.#hello?.id;
  }

  get initiator(): boolean | undefined {
    return this.#initiator;
  }

  /** What the peer said of itself. Only once it has; `up` and later always. */
  get hello(): Hello {
    return this.#hello!;
  }

  /** The key that the peer has proven to have; undefined on a link in clear. */
  get provenKey(): Uint8Array | undefined {
    return this.#remoteKey;
  }

  get dialler(): NodeId {
    return this.#initiator === true ? this.#host.id : this.hello.id;
  }

  get dialled(): string {
    return this.#initiator === true ? this.init.dialled : this.hello.dialled;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  get localAddress(): string {
    return this.#connection?.localAddress ?? "";
  }

  get remoteAddress(): string {
    return this.#connection?.remoteAddress ?? this.init.dialled;
  }

  get rttMs(): number | undefined {
    return this.#state === "handshake" ? undefined : (this.#session?.rttMs ?? this.#handshakeRttMs);
  }

  get streamCount(): number {
    return Math.max((this.#session?.streamCount ?? 0) - 1, 0);
  }

  /** Sends a control message, once the link has its control stream (`up` and later always); the promise is the backpressure, and marked as handled. */
  send(message: ControlMessage): Promise<void> {
    const sent = this.#control!.send(message);
    sent.catch((error: unknown) => this.#controlBroke(error));
    return sent;
  }

  close(): Promise<void> {
    if (this.#state === "up") {
      this.#leave("draining");
      this.#control!.end();
      void this.#session!.close();
    } else if (this.#state !== "draining") {
      // Not the peer's fault: it may try again, and find whoever comes after us.
      this.fail(new AstraError("ERR_ASTRANET_SESSION_CLOSED", "the link was closed before it was up", { retryable: true }));
    }
    return this.closed.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the link at once because of `error`; the peer is told why where it can be. */
  fail(error: unknown): void {
    if (this.#state === "closed") return;
    const control = this.#control;
    this.#over(error);
    if (control === undefined) {
      (this.#session ?? this.#connection)?.abort(error);
      return;
    }
    const session = this.#session!;
    void control.send(refuseMessage(error)).catch(() => undefined);
    control.end();
    void session.close();
    const timer = this.#host.clock.setTimer(lastWordsMs, () => session.abort(error), { keepAlive: true });
    const cancel = (): void => timer.cancel();
    this.#host.parting(session.closed.then(cancel, cancel));
  }

  /** Ends the link, which is up, at once because another one took its place. */
  supersede(): void {
    const error = new AstraError("ERR_ASTRANET_SUPERSEDED", "a newer link to the same node has taken this one's place");
    this.#over(error);
    this.#session!.abort(error);
  }

  async #dial(dial: (signal: AbortSignal) => Promise<Connection>): Promise<void> {
    const { clock, dialTimeoutMs } = this.#host;
    this.#timer = clock.setTimer(dialTimeoutMs, () => this.#over(new AstraError("ETIMEDOUT", `${this.init.dialled} did not answer within ${dialTimeoutMs} ms`)), { keepAlive: true });
    const dialing = (this.#dialing = new AbortController());
    let connection: Connection;
    try {
      connection = await dial(dialing.signal);
    } catch (error) {
      this.#dialing = undefined;
      this.#over(asAstraError(error, "EHOSTUNREACH", `${this.init.dialled} could not be dialled`));
      return;
    }
    this.#dialing = undefined;
    this.#timer.cancel();
    if (this.#state === "closed") connection.abort();
    else this.#begin(connection);
  }

  #begin(connection: Connection): void {
    this.#state = "handshake";
    this.#connection = connection;
    const { clock, random, handshakeTimeoutMs } = this.#host;
    let mode: LinkMode;
    try {
      mode = this.#host.modeOf(connection, this);
    } catch (error) {
      // Nobody hears of a link before its maker has it in hands.
      clock.defer(() => this.#over(error));
      connection.start({ data: () => undefined, drain: () => undefined, closed: () => undefined });
      connection.abort(error);
      return;
    }
    this.#stage = "nothing, or too little, was answered";
    this.#timer = clock.setTimer(handshakeTimeoutMs, () => {
      this.fail(new AstraError("ERR_ASTRANET_HANDSHAKE", `the link was not up within ${handshakeTimeoutMs} ms: ${this.#stage}`, { retryable: true }));
    }, { keepAlive: true });
    exchangePreambles(connection, makePreamble(mode, this.init.initiator, random, this.#host.security?.suites), clock, (result) => {
      if ("error" in result) this.#over(result.error);
      else this.#secure(result);
    });
  }

  #secure({ connection, initiator, encrypt }: Greeted): void {
    this.#initiator = initiator;
    if (encrypt === undefined) {
      this.#greet(connection, initiator);
      return;
    }
    this.#stage = "the other end sent its preamble, but did not finish the encrypted handshake";
    // Agreed on with a suite of ours, so we have some.
    this.#host.security!.link(connection, encrypt).then(
      (secured) => {
        this.#remoteKey = secured.remoteStatic;
        if (this.#state === "handshake") this.#greet(secured, initiator);
        else secured.abort();
      },
      (error: unknown) => this.#over(error),
    );
  }

  /** Whatever goes wrong in it ends the link: nobody else would hear of it. */
  #greet(connection: Connection, initiator: boolean): void {
    try {
      this.#startSession(connection, initiator);
    } catch (error) {
      this.fail(error);
    }
  }

  #startSession(connection: Connection, initiator: boolean): void {
    this.#stage = "the other end sent its preamble, but not its HELLO";
    const session = new Session(connection, {
      keepAlive: { idleTimeoutMs: this.#host.idleTimeoutMs },
      ...this.#host.session,
      role: initiator ? "client" : "server",
      manualAccept: true,
      onstream: (stream) => this.#onstream(stream),
      clock: this.#host.clock,
    });
    this.#session = session;
    session.closed.then(() => this.#sessionOver(undefined), (error: unknown) => this.#sessionOver(error));
    void session.draining.then(() => this.#drained());
    if (!initiator) return;
    this.#takeControl(session.open({ type: streamTypes.control, urgency: 0 }));
    this.#sayHello();
  }

  #sayHello(): void {
    this.#helloAt = this.#host.clock.now();
    void this.send(helloMessage(this.#host.hello(this)));
  }

  #onstream(stream: Stream): void {
    // The initiator has opened its own.
    if (stream.type === streamTypes.control && this.#control === undefined) {
      stream.accept();
      this.#takeControl(stream);
      return;
    }
    const isKnown = stream.type === streamTypes.dial || stream.type === streamTypes.circuit;
    // The frames of one tick keep no order: a dial may come before the confirmation that was sent first, and says the same.
    if (isKnown && this.#isConfirming) this.#becomeUp();
    if (this.#state !== "up") stream.refuse("the link takes no streams now");
    else if (isKnown) this.#take(stream);
    else stream.refuse(`streams of type ${String(stream.type)} are not known here`);
  }

  /** Both have said who they are, and the dialler, who is up by then, has not confirmed it yet. */
  get #isConfirming(): boolean {
    return this.#state === "handshake" && this.#hello !== undefined;
  }

  #take(stream: Stream): void {
    try {
      if (stream.type === streamTypes.circuit) this.#host.circuit(stream, this.hello.id);
      else this.#host.dial(stream, this.hello.id);
    } catch (error) {
      this.fail(error);
    }
  }

  #takeControl(stream: Stream): void {
    this.#control = new ControlStream(stream, {
      message: (message) => this.#message(message),
      ended: () => void this.close(),
      failed: (error) => this.#controlBroke(error),
    });
  }

  /** Without its control stream a link is of no use. */
  #controlBroke(error: unknown): void {
    if (AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) {
      this.fail(error);
      return;
    }
    // What broke the session says so itself, in this very tick; and a link that drains has ended the stream.
    this.#host.clock.defer(() => {
      if (this.#state === "up" || this.#state === "handshake") this.fail(error);
    });
  }

  #message(message: ControlMessage): Promise<void> | undefined {
    if (this.#state === "closed") return undefined;
    if (message.t === "refuse") {
      this.#refused(refusalError(message));
      return undefined;
    }
    if (this.#hello === undefined) {
      if (message.t !== "hello") throw new AstraError("ERR_ASTRANET_PROTOCOL", `the first control message is "${message.t.slice(0, 40)}", not a HELLO`);
      this.#meet(parseHello(message));
      return undefined;
    }
    if (message.t === "hello") throw new AstraError("ERR_ASTRANET_PROTOCOL", "a second HELLO came");
    if (message.t === "ready" && this.#initiator === false && !this.#confirmed) {
      this.#confirmed = true;
      if (this.#state === "handshake") this.#becomeUp();
      return undefined;
    }
    const handled = this.#state === "handshake" ? "unknown" : this.#host.message(this, message);
    if (handled !== "unknown") return handled;
    if (message.ignorable === true) return undefined;
    throw new AstraError("ERR_ASTRANET_PROTOCOL", `control message "${message.t.slice(0, 40)}" is not known, or not allowed now`);
  }

  /** The peer has said who it is. The side that was dialled answers; the dialler confirms, and only then either is up. */
  #meet(hello: Hello): void {
    this.#hello = hello;
    try {
      this.#checkKey(hello);
      this.#host.check(this);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.#initiator === true) {
      void this.send({ t: "ready" });
      this.#becomeUp();
    } else {
      this.#stage = "the other end did not confirm our HELLO";
      this.#sayHello();
    }
  }

  /** An id is that of a key wherever there is encryption, and the key that of the handshake. */
  #checkKey({ id, key }: Hello): void {
    if (this.#host.security === undefined) return;
    checkKeyOfId(id, key);
    if (this.#remoteKey !== undefined && !sameBytes(key, this.#remoteKey)) throw new AstraError("EACCES", "the key in the other end's HELLO is not the one it has proven to have");
  }

  #becomeUp(): void {
    this.#timer!.cancel();
    this.#handshakeRttMs = this.#host.clock.now() - this.#helloAt;
    this.#state = "up";
    try {
      this.#host.up(this);
    } catch (error) {
      this.#state = "handshake";
      this.fail(error);
      return;
    }
    this.#settleReady.resolve(this.hello.id);
  }

  #refused(error: AstraError): void {
    this.#over(error);
    this.#control!.end();
    void this.#session!.close();
  }

  /** Either side has said that it takes no new streams. */
  #drained(): void {
    if (this.#state === "up") void this.close();
    // Nothing will come of it, but the frames of one tick keep no order: its last words, or what makes it up, may be on their way.
    else if (this.#state === "handshake") this.#goodbyeTimer = this.#host.clock.setTimer(lastWordsMs, () => void this.close());
  }

  #leave(state: "draining" | "closed"): void {
    const wasUp = this.#state === "up";
    this.#state = state;
    if (wasUp) this.#host.leaving(this);
  }

  #sessionOver(error: unknown): void {
    if (this.#state === "handshake" && !AstraError.is(error, "ERR_ASTRANET_PROTOCOL")) {
      this.#over(new AstraError("ERR_ASTRANET_HANDSHAKE", `the connection ended before the link was up: ${this.#stage}`, { retryable: true, cause: error }));
    } else this.#over(error);
  }

  /** The link is over: everybody who waits hears of it, once. */
  #over(reason: unknown): void {
    if (this.#state === "closed") return;
    const error = reason === undefined ? undefined : asAstraError(reason);
    const wasUp = this.#state === "up" || this.#state === "draining";
    this.#leave("closed");
    this.#timer?.cancel();
    this.#goodbyeTimer?.cancel();
    this.#dialing?.abort(error);
    // Says nothing of a link that was up.
    this.#settleReady.reject(error);
    if (error === undefined) this.#settleClosed.resolve();
    else this.#settleClosed.reject(error);
    this.#host.closed(this, error, wasUp);
  }
}
