import { Agent, type AgentOptions, type ClientRequestArgs } from "node:http";
import type { StreamSocket } from "@astranet/mux/node";
import type { AstraNet, DialOptions } from "../astra-net.ts";
import { diallingSocket } from "./dialling-socket.ts";

/** What {@link httpAgent} takes: Node's options of agents, and how to dial. */
export type HttpAgentOptions = AgentOptions & { readonly dial?: DialOptions };

/**
 * An agent for `node:http` that dials services: `http://web/` is 'web', `http://web:8080/` is 'web:8080'. Errors of the dial reach the
 * request with their codes; a request that is destroyed gives its dial up, and its `timeout` counts while it is dialled too.
 * `keepAlive` and the rest are Node's; with `keepAlive` idle connections hold `net.close()` up, so `destroy` the agent before.
 */
export function httpAgent(net: AstraNet, options: HttpAgentOptions = {}): Agent {
  const { dial = {}, ...agentOptions } = options;
  const agent = new Agent(agentOptions);
  agent.createConnection = (target: ClientRequestArgs): StreamSocket => {
    const { host, hostname = host, port, timeout } = target;
    const address = `${String(hostname)}:${String(port ?? 80)}`;
    const socket = diallingSocket((signal) => net.httpDial("", address, { ...dial, signal }), dial.signal, { allowHalfOpen: false });
    if (timeout !== undefined) socket.setTimeout(timeout);
    return socket;
  };
  return agent;
}
