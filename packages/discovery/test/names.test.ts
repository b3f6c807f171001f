import { describe, expect, it } from "vitest";
import { AstraError } from "@astranet/transport";
import { checkServiceName, isEnv, isServiceName, parseBindAddress, parseDialAddress, parseDialNetwork, parseEnv } from "@astranet/discovery";

function reason(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    expect(AstraError.is(error, "EINVAL")).toBe(true);
    return (error as Error).message;
  }
  return "accepted";
}

describe("service names", () => {
  it.each(["web", "_x", "0a", "a.b-c_d", "1.2.3.4a", "x".repeat(253), "a..b", "10.x", "0123456789abcde", "0123456789abcdef0", "z0123456789abcdef", "0x7g"])("%s is one", (name) => {
    expect(checkServiceName(name)).toBe(name);
    expect(isServiceName(name)).toBe(true);
  });

  it.each([
    ["", "is empty"],
    ["x".repeat(254), "has 254 characters"],
    ["Web", "upper-case"],
    ["-web", 'starts with "-"'],
    [".web", 'starts with "."'],
    ["web.", 'ends with "."'],
    ["we b", 'holds " "'],
    ["wéb", 'holds "é"'],
    ["we💥b", 'holds "💥"'],
    ["web,", 'holds ","'],
    ["127.0.0.1", "IP address"],
    ["web.80", "IP address"],
    ["80", "IP address"],
    ["0x7f", "IP address"],
    ["0123456789abcdef", "as a node id is"],
    ["1234567890123456", "as a node id is"],
    ["0123456789ABCDEF", "as a node id is"],
  ])("%s is none: it %s", (name, why) => {
    expect(reason(() => checkServiceName(name))).toContain(why);
    expect(isServiceName(name)).toBe(false);
  });

  it("are all hosts that a URL leaves as they are", () => {
    for (const name of ["web", "_x", "0a", "a.b-c_d", "1.2.3.4a", "a..b", "10.x", "0x7g"]) expect(new URL(`http://${name}/`).hostname).toBe(name);
  });

  it.each([
    [undefined, "undefined is a undefined"],
    [null, "null is null"],
    [80, "80 is a number"],
    [{}, "is a object"],
    [["web"], "web is a object"],
  ])("%s is none: %s, not a string", (name, why) => {
    expect(reason(() => checkServiceName(name as string))).toContain(`${why}, not a string`);
    expect(isServiceName(name)).toBe(false);
  });

  it("that are none are quoted in the error, the first 300 characters of them", () => {
    expect(reason(() => checkServiceName("Web"))).toContain('service name "Web" holds');
    expect(reason(() => checkServiceName(`${"x".repeat(299)}y`))).toContain(`"${"x".repeat(299)}y" has 300 characters`);
    expect(reason(() => checkServiceName(`${"x".repeat(300)}y`))).toContain(`"${"x".repeat(300)}…" has 301 characters`);
  });
});

describe("addresses to bind", () => {
  it.each([
    [":80", { service: undefined, port: 80 }],
    [":0", { service: undefined, port: 0 }],
    [":4294967295", { service: undefined, port: 4_294_967_295 }],
    ["web", { service: "web", port: 0 }],
    ["web:0", { service: "web", port: 0 }],
    ["web:80", { service: "web", port: 80 }],
  ])("%s", (address, expected) => {
    expect(parseBindAddress(address)).toEqual(expected);
  });

  it.each([
    ["", "neither a name nor a port"],
    [":", "is empty"],
    ["web:", "is empty"],
    [":-1", "not a decimal number"],
    [":+80", "not a decimal number"],
    [":1e3", "not a decimal number"],
    [":0x50", "not a decimal number"],
    [":8.0", "not a decimal number"],
    [":http", "not a decimal number"],
    [":٨٠", "not a decimal number"],
    [":080", "starts with 0"],
    [":00", "starts with 0"],
    [":4294967296", "larger than 4294967295"],
    [":99999999999999999999", "larger than 4294967295"],
    ["web:80:81", 'more than one ":"'],
    ["web: 80", "white space"],
    [" web", "white space"],
    ["web\n", "white space"],
    ["http://web", "it is a URL"],
    ["web/path", "a path"],
    ["web?x", "a path, a query"],
    ["web#x", "a fragment"],
    ["me@web:80", 'it holds a "@"; an address is only name:port'],
    ["[::1]:80", "IPv6"],
    ["::1", 'more than one ":"'],
    ["127.0.0.1:80", "IP address"],
    ["0123456789abcdef", "as a node id is"],
    ["0123456789abcdef:80", "as a node id is"],
    ["WEB:80", "upper-case"],
    ["*:80", 'holds "*"'],
    ["web%20x", 'holds "%"'],
  ])("%j is refused: %s", (address, why) => {
    expect(reason(() => parseBindAddress(address))).toContain(why);
  });

  it("are refused as what cannot be bound", () => {
    expect(reason(() => parseBindAddress("a/b"))).toContain('cannot bind "a/b"');
  });

  it.each([
    [undefined, "undefined"],
    [null, "null"],
    [80, "number"],
    [{}, "object"],
  ] as unknown as [string, string][])("%s is refused: a string, not %s", (address, what) => {
    expect(reason(() => parseBindAddress(address))).toContain(`cannot bind: an address is a string, not ${what}`);
    expect(reason(() => parseDialAddress(address))).toContain(`cannot dial: an address is a string, not ${what}`);
  });
});

describe("addresses to dial", () => {
  it.each([
    ["web", { kind: "service", name: "web", port: undefined }],
    ["web:80", { kind: "service", name: "web", port: 80 }],
    ["0123456789abcdef:80", { kind: "node", id: "0123456789abcdef", port: 80 }],
    ["0123456789abcdef0:80", { kind: "service", name: "0123456789abcdef0", port: 80 }],
    ["z0123456789abcdef:80", { kind: "service", name: "z0123456789abcdef", port: 80 }],
  ])("%s", (address, expected) => {
    expect(parseDialAddress(address)).toEqual(expected);
  });

  it.each([
    ["", "neither a service nor a node"],
    [":80", "neither a service nor a node"],
    ["web:0", "can only be bound"],
    ["0123456789abcdef", "needs a port"],
    ["0123456789abcdef:0", "can only be bound"],
    ["1234567890123456:80", "at least one letter"],
    ["0123456789ABCDEF:80", "as a node id is"],
    ["0123456789abcde g:80", "white space"],
    ["10.0.0.1:80", "IP address"],
    ["web:4294967296", "larger than"],
    ["wss://web:80", 'cannot dial "wss://web:80": it is a URL'],
  ])("%j is refused: %s", (address, why) => {
    expect(reason(() => parseDialAddress(address))).toContain(why);
  });
});

describe("networks to dial", () => {
  it("choose among providers as in Go", () => {
    expect(parseDialNetwork("")).toEqual({});
    expect(parseDialNetwork("registry://user-7")).toEqual({ affinity: "registry://user-7" });
    expect(parseDialNetwork("vport2registry")).toEqual({ portIsAffinity: true });
  });

  it.each([undefined, null, 80] as unknown as string[])("%s is refused: not a string", (network) => {
    expect(reason(() => parseDialNetwork(network))).toContain(`a network is a string, not ${typeof network}`);
  });

  it.each(["tcp", "registry:", "registry://", "REGISTRY://x"])("%s is refused", (network) => {
    expect(reason(() => parseDialNetwork(network))).toMatch(/network/);
  });
});

describe("namespaces", () => {
  it("are their parts, joined by dots", () => {
    expect(parseEnv()).toBe("");
    expect(parseEnv("prod", "eu-1")).toBe("prod.eu-1");
    expect(isEnv("prod.eu-1")).toBe(true);
    expect(isEnv("")).toBe(true);
  });

  it.each([[[""]], [["prod.eu"]], [["Prod"]], [["-x"]], [["a b"]], [["x".repeat(256)]]])("%j is refused", (parts) => {
    expect(reason(() => parseEnv(...parts))).toContain("env");
    expect(isEnv(parts.join(".")) && parts[0] !== "" && parts[0] !== "prod.eu").toBe(false);
  });

  it("have 255 characters at most", () => {
    const env = `${"x".repeat(100)}.${"y".repeat(154)}`;
    expect(parseEnv(...env.split("."))).toBe(env);
    expect([isEnv(env), isEnv(`${env}z`)]).toEqual([true, false]);
    expect(reason(() => parseEnv(...`${env}z`.split(".")))).toContain("an env of 256 characters is longer than 255");
  });

  it.each([undefined, null, 80, ["prod"]])("%s is none: it is not a string", (part) => {
    expect(reason(() => parseEnv(part as unknown as string))).toContain(`a part of an env is a string, not ${typeof part}`);
    expect(isEnv(part)).toBe(false);
  });
});
