interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface DiagnosticsModule {
  channel(name: string): Channel;
}

/** `node:diagnostics_channel` where there is one, found without an import so that the code stays portable. */
const diagnostics = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("diagnostics_channel") as DiagnosticsModule | undefined;

/** A diagnostics channel; in browsers one that nobody subscribes to. The message published is always one object. */
export function channel(name: string): Channel {
  return diagnostics?.channel(name) ?? { hasSubscribers: false, publish: () => undefined };
}
