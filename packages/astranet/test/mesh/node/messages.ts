/** How a node of a mesh is made: the arguments of node/main.ts. */
export interface NodeSetup {
  readonly role?: "auto" | "peer" | "client" | "server" | "router";
  /** "" is none. */
  readonly secret?: string;
  readonly insecure?: boolean;
  readonly idleTimeoutMs?: number;
  /** Whether it listens, on a free port of loopback. Default false. */
  readonly listens?: boolean;
  /** Whether what its splices carry is searched for the marker. Default false. */
  readonly taps?: boolean;
  /** Whether it closes and ends at SIGTERM. Default false: as any process, it ends at once. */
  readonly stopsGracefully?: boolean;
}

/** An error, on its way to another process. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly via: readonly string[];
}

/** When something happened. */
export interface Moment {
  /** On a clock that all processes of a machine share. */
  readonly wallMs: number;
  /** The time that this process has had of the machine's cores until then: how busy others keep the machine makes no difference to it. */
  readonly cpuMs: number;
}

/** Something that happened to a node. */
export interface NodeEvent {
  readonly name: string;
  readonly when: Moment;
  readonly peer?: string;
  readonly path?: readonly string[];
  readonly reachable?: boolean;
  readonly error?: ToldError;
}

/** What a node is asked for. */
export interface Call {
  readonly call: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What a node says. */
export type FromNode =
  | { readonly type: "ready"; readonly id: string; readonly publicKey: Uint8Array | undefined; readonly address: string }
  | { readonly type: "answer"; readonly call: number; readonly value: unknown }
  | { readonly type: "failed"; readonly call: number; readonly error: ToldError }
  | ({ readonly type: "event" } & NodeEvent);

export function told(error: unknown): ToldError {
  const { code = "(no code)", message = String(error), retryable = false, via = [] } = (error ?? {}) as Partial<ToldError>;
  return { code, message, retryable, via };
}

export function moment(): Moment {
  const { user, system } = process.cpuUsage();
  return { wallMs: performance.timeOrigin + performance.now(), cpuMs: (user + system) / 1000 };
}
