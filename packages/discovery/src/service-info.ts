/** A service that can be dialled now: one entry of one node. */
export interface ServiceInfo {
  readonly name: string;
  readonly env: string;
  /** The node that offers it. */
  readonly id: string;
  readonly port: number;
  /** Links on the way: 0 for this node's own. */
  readonly distance: number;
  /** What the way costs, in milliseconds of round trip. */
  readonly cost: number;
  readonly weight: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** What tells services apart: the node, the namespace, the name and the port. */
export function serviceUid(service: Pick<ServiceInfo, "id" | "env" | "name" | "port">): string {
  return `${service.id}/${service.env}/${service.name}:${service.port}`;
}

/** Nearest first; among equals by id and port, so that the order is the same at every call. */
export function compareServices(a: ServiceInfo, b: ServiceInfo): number {
  return a.cost - b.cost || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.port - b.port);
}
