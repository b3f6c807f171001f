import { spawn } from "node:child_process";
import { AstraError, type Connection, type Transport } from "@astranet/transport";
import { toConnection } from "@astranet/transport/node";

/** Dials a program: what it writes to its standard output comes in, what is sent goes to its standard input. */
export class StdioTransport implements Transport {
  readonly networks: readonly string[] = ["stdio"];

  /** An address is a command line of words, in which a space is written %20: 'ssh host my-node'. */
  dial(network: string, address: string, { signal }: { signal?: AbortSignal } = {}): Promise<Connection> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (network !== "stdio") throw new AstraError("EINVAL", `no network '${network}' here, only stdio`);
      const [command = "", ...args] = address.split(" ").map(decodeURIComponent);
      if (command === "") throw new AstraError("EINVAL", `bad address '${address}': it begins with no command`);
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
      const connection = toConnection({ readable: child.stdout, writable: child.stdin }, { remoteAddress: address });
      const onabort = (): void => {
        child.kill();
        connection.abort();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", onabort);
      child.once("spawn", () => {
        signal?.removeEventListener("abort", onabort);
        resolve(connection);
      });
      child.once("error", (error) => {
        signal?.removeEventListener("abort", onabort);
        reject(new AstraError("ECONNREFUSED", `'${command}' did not start`, { cause: error }));
      });
    });
  }
}

/** The other end, within the program that was started. It writes nothing else to its standard output. */
export function stdioConnection(): Connection {
  return toConnection({ readable: process.stdin, writable: process.stdout }, { remoteAddress: "parent" });
}
