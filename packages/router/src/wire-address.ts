/** The host in what a transport calls an address: without its port, without brackets. */
export function hostOf(address: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(address);
  if (bracketed !== null) return bracketed[1]!;
  const colon = address.lastIndexOf(":");
  // A bare IPv6 address has several colons and no port.
  return colon === -1 || address.indexOf(":") !== colon ? address : address.slice(0, colon);
}

/** Networks whose both ends are on one machine, whatever an address looks like. */
const localNetworks = new Set(["memory", "unix", "pipe", "stdio"]);

/**
 * Whether what `network` carries to or from `address` stays on this machine. An empty host stands for `emptyHost`: every interface
 * to listen on, this machine to dial.
 */
export function staysHere(network: string, address: string, emptyHost = "*"): boolean {
  if (localNetworks.has(network)) return true;
  const named = hostOf(address.replace(/^[a-z]+:\/\//, "").replace(/\/.*$/, ""));
  const host = named === "" ? emptyHost : named;
  return host === "localhost" || isLoopbackIp(host);
}

/** Whether `address` stands for every interface, so that nobody can dial it as it is. */
export function isEverywhere(address: string): boolean {
  return ["", "0.0.0.0", "::"].includes(hostOf(address.replace(/^[a-z]+:\/\//, "").replace(/\/.*$/, "")));
}

/** Whether the host in `address` is an IP address. */
export function isIp(address: string): boolean {
  const host = hostOf(address);
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || (/^[0-9a-fA-F:.]+(?:%.*)?$/.test(host) && host.includes(":"));
}

function isLoopbackIp(host: string): boolean {
  const mapped = /^::ffff:(.*)$/i.exec(host);
  return host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(mapped?.[1] ?? host);
}
