import { Agent, type AgentOptions, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import type { AstraNet, DialOptions } from "../astra-net.ts";
import { toDuplex } from "./to-duplex.ts";

/** What {@link httpAgent} takes: Node's options of agents, and how to dial. */
export type HttpAgentOptions = AgentOptions & { readonly dial?: DialOptions };

/**
 * An agent for `node:http` that dials services: `http://web/` is 'web', `http://web:8080/` is 'web:8080'. Errors of the dial reach the
 * request with their codes. `keepAlive` and the rest are Node's; with `keepAlive` idle connections hold `net.close()` up, so `destroy` the agent before.
 */
export function httpAgent(net: AstraNet, options: HttpAgentOptions = {}): Agent {
  const { dial, ...agentOptions } = options;
  const agent = new Agent(agentOptions);
  agent.createConnection = (target: ClientRequestArgs, callback?: (error: Error | null, socket: Duplex) => void): undefined => {
    const { host, hostname = host, port, timeout } = target;
    net.httpDial("", `${String(hostname)}:${String(port ?? 80)}`, dial).then(
      (conn) => {
        const socket = toDuplex(conn, { allowHalfOpen: false });
        if (timeout !== undefined) socket.setTimeout(timeout);
        callback?.(null, socket);
      },
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    );
  };
  return agent;
}
