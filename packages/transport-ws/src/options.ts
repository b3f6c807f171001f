import type { Clock } from "@astranet/transport";

/** What a {@link WsTransport} takes. All optional; in browsers only `handshakeTimeoutMs` and `clock` mean something. */
export interface WsTransportOptions {
  /**
   * An `http.Server` ('ws') or `https.Server` ('wss') to listen on. Then the address that is listened at is a path ('/mesh'),
   * several listeners may have paths of their own, and what the server does besides is not touched.
   * Default: each listener makes a server.
   */
  readonly server?: WsHttpServer;
  /** For the network 'wss'. */
  readonly tls?: {
    /** For `dial`. */
    readonly client?: WsTlsClientOptions;
    /** For `listen` without `server`, which needs a certificate and its key here. */
    readonly server?: WsTlsServerOptions;
  };
  /** Sent with the request of `dial`: `Authorization`, `Cookie` … */
  readonly headers?: Readonly<Record<string, string>>;
  /** An `http.Agent` for `dial`: one that leads through a proxy, for example. */
  readonly agent?: object;
  /**
   * Which web pages may connect, by their origin ('https://example.com'): a list, in which '*' is any, or a function.
   * Others are answered 403. A browser sends a page's origin, and its cookies, to whatever address the page names, so
   * without this check any page could use what its visitor can reach. Clients that send no `Origin` are no browsers, and are not concerned.
   *
   * Default: pages of the same host and port as the request's `Host` header; and on a loopback address only if that is not
   * a foreign name with the listener's own port (DNS rebinding). Behind a proxy either pass `Host` on, or say the origins.
   */
  readonly origins?: readonly string[] | ((origin: string, request: WsUpgradeRequest) => boolean);
  /**
   * The longest message that is taken; a longer one closes the connection with 1009 and ERR_ASTRANET_PROTOCOL, before it is stored.
   * 65,536 at least, which is the longest that is sent. Default 1,048,576. (A browser shows its page whole messages only.)
   */
  readonly maxMessageBytes?: number;
  /** How long a handshake may take, from the first packet to the WebSocket: then `dial` rejects with ETIMEDOUT, and a listener's own server hangs up. Default 5,000. */
  readonly handshakeTimeoutMs?: number;
  /** How many connections to a listener's own server may be within their handshake; beyond it the oldest is dropped. Default 1,024. */
  readonly maxPendingHandshakes?: number;
  /** Default: the real time. */
  readonly clock?: Clock;
}

/** The part of an `http.Server` or `https.Server` that types need; the object must be one of those. */
export interface WsHttpServer {
  readonly listening: boolean;
  address(): unknown;
}

/** The request for an upgrade: an `http.IncomingMessage`. */
export interface WsUpgradeRequest {
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

type Pem = string | Uint8Array;

/** As `node:tls` takes them; for more, pass an `agent`. */
export interface WsTlsClientOptions {
  readonly ca?: Pem | Pem[];
  readonly cert?: Pem | Pem[];
  readonly key?: Pem | Pem[];
  readonly pfx?: Pem | Pem[];
  readonly passphrase?: string;
  readonly rejectUnauthorized?: boolean;
  /** The name that is asked for (SNI) and checked. Default: the host dialled. */
  readonly servername?: string;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly ciphers?: string;
}

/** As `node:tls` takes them; for more, make the `https.Server` yourself and pass it as `server`. */
export interface WsTlsServerOptions {
  readonly ca?: Pem | Pem[];
  readonly cert?: Pem | Pem[];
  readonly key?: Pem | Pem[];
  readonly pfx?: Pem | Pem[];
  readonly passphrase?: string;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly ciphers?: string;
}
