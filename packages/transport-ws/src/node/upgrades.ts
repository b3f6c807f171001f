import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { AstraError } from "@astranet/transport";
import { answer } from "./answer.ts";

/** Takes a request for an upgrade at its path. Of Node's own servers the stream is a socket. */
export type OnUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** Says of a server's 'upgrade' listener that it is one of these, and of which path; registered, so that two copies of the package agree. */
const pathKey = Symbol.for("astranet.ws.path");
type Listener = OnUpgrade & { readonly [pathKey]?: string };

/**
 * Takes the requests for an upgrade at `path` of a server, and leaves those at other paths to others. Where there are no others,
 * they are answered 404: Node would keep them waiting for ever. Returns what ends it.
 * @throws AstraError EADDRINUSE where the path is taken by another one of these.
 */
export function takeUpgrades(server: Server, path: string, onupgrade: OnUpgrade): () => void {
  const all = (): Listener[] => server.listeners("upgrade") as Listener[];
  if (all().some((listener) => listener[pathKey] === path)) throw new AstraError("EADDRINUSE", `somebody listens at the path '${path}' of this server`);
  const listener: Listener = Object.assign(
    (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const asked = pathOf(request);
      if (asked === path) onupgrade(request, socket, head);
      else if (isLeftOver(all(), listener, asked)) answer(socket, 404, "no WebSocket here");
    },
    { [pathKey]: path },
  );
  server.on("upgrade", listener);
  return () => {
    server.off("upgrade", listener);
  };
}

/** The path that a request asks for, without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

// The first one answers for all of them.
function isLeftOver(all: readonly Listener[], self: Listener, path: string): boolean {
  return all[0] === self && all.every((listener) => listener[pathKey] !== undefined && listener[pathKey] !== path);
}
