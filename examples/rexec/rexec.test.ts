import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Channels } from "@astranet/channel";
import { TcpTransport } from "@astranet/transport-tcp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runExample } from "../run-example.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const fixture = (name: string): string => here(`../../packages/transport-tcp/test/fixtures/${name}`);
const folder = mkdtempSync(join(tmpdir(), "astranet-rexec-"));
const children: ChildProcessWithoutNullStreams[] = [];

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

function start(program: string, args: readonly string[], secret: string): ChildProcessWithoutNullStreams {
  const flags = ["--conditions=@astranet/source", "--import", "tsx"];
  const child = spawn(process.execPath, [...flags, here(program), ...args], { env: { ...process.env, REXEC_SECRET: secret } });
  children.push(child);
  return child;
}

/** A named pipe: what reads it hears of the end when every process that writes to it is gone. */
function fifo(name: string): string {
  const path = join(folder, name);
  execFileSync("mkfifo", [path]);
  return path;
}

const secret = randomBytes(24).toString("base64");

interface Way {
  readonly name: string;
  readonly server: readonly string[];
  readonly client: readonly string[];
}

const ways: readonly Way[] = [
  {
    name: "over TLS",
    server: ["--listen", "tls://localhost:0", "--cert", fixture("server.pem"), "--key", fixture("server-key.pem"), "--ca", fixture("ca.pem")],
    client: ["--cert", fixture("client.pem"), "--key", fixture("client-key.pem"), "--ca", fixture("ca.pem")],
  },
  { name: "by a name in the mesh", server: ["--listen", "tcp4://127.0.0.1:0", "--service", "rexec"], client: [] },
];

interface Server {
  readonly process: ChildProcessWithoutNullStreams;
  /** Options of a client. */
  readonly how: readonly string[];
}

async function startServer(way: Way): Promise<Server> {
  const server = start("server.ts", way.server, secret);
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  return { process: server, how: [...way.client, ...line.toString().trim().replace("reached by ", "").split(" ")] };
}

async function outcome(client: ChildProcessWithoutNullStreams): Promise<{ status: number; stdout: string; stderr: string }> {
  const [stdout, stderr, [status]] = await Promise.all([text(client.stdout), text(client.stderr), once(client, "close") as Promise<[number]>]);
  return { status, stdout, stderr };
}

describe.each(ways)("rexec $name", (way) => {
  let server: Server;
  const rexec = (...command: string[]): ChildProcessWithoutNullStreams => start("client.ts", [...server.how, ...command], secret);

  beforeAll(async () => {
    server = await startServer(way);
  });

  it("ends with the command's status, whoever still holds its input open", async () => {
    expect(await outcome(rexec("/bin/sh", "-c", "exit 4"))).toEqual({ status: 4, stdout: "", stderr: "" });
  });

  it("ends with 128 and the signal's number where one ended the command", async () => {
    expect(await outcome(rexec("/bin/sh", "-c", "kill -TERM $$"))).toEqual({ status: 143, stdout: "", stderr: "" });
  });

  it("keeps both outputs apart, and has no shell that would read the arguments", async () => {
    expect(await outcome(rexec("printf", "%s|", "a b", "$HOME", "*", ";exit 1"))).toEqual({ status: 0, stdout: "a b|$HOME|*|;exit 1|", stderr: "" });
    expect(await outcome(rexec("/bin/sh", "-c", "echo out; echo err >&2"))).toEqual({ status: 0, stdout: "out\n", stderr: "err\n" });
  });

  it("sends the input through, to its end", async () => {
    const bytes = randomBytes(5_000_000);
    const client = rexec("cat");
    client.stdin.end(bytes);
    const [output, closed] = await Promise.all([buffer(client.stdout), once(client, "close")]);
    expect(closed).toEqual([0, null]);
    expect(createHash("sha256").update(output).digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("loses nothing of long outputs, and one that nobody reads does not hold up the other", async () => {
    const client = rexec("/bin/sh", "-c", "head -c 4000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait; exit 5");
    const closed = once(client, "close");
    let stderr = 0;
    while (stderr < 3_000_000) stderr += ((await once(client.stderr, "data")) as [Buffer])[0].length;
    expect(client.stdout.readableFlowing).toBe(null);
    const stdout = await buffer(client.stdout);
    expect([stdout.length, stderr, ...((await closed) as [number])]).toEqual([4_000_000, 3_000_000, 5, null]);
  });

  it("waits for the output of what the command has left behind", async () => {
    const path = fifo(`late-${ways.indexOf(way)}`);
    const client = rexec("/bin/sh", "-c", `cat '${path}' & echo early; exit 3`);
    const [early] = (await once(client.stdout, "data")) as [Buffer];
    createWriteStream(path).end("late\n");
    expect([early.toString(), await outcome(client)]).toEqual(["early\n", { status: 3, stdout: "late\n", stderr: "" }]);
  });

  it("lets the command hear it where nobody reads its output any more", async () => {
    const client = rexec("yes");
    await once(client.stdout, "data");
    client.stdout.destroy();
    const [status] = (await once(client, "exit")) as [number];
    // SIGPIPE, or an error of the write.
    expect([1, 128 + 13]).toContain(status);
  });

  it("says which command is not there, or cannot be started", async () => {
    expect(await outcome(rexec("no-such-command"))).toEqual({ status: 127, stdout: "", stderr: "rexec: no-such-command: command not found\n" });
    const path = join(folder, `no-program-${ways.indexOf(way)}`);
    writeFileSync(path, "");
    expect(await outcome(rexec(path))).toEqual({ status: 126, stdout: "", stderr: `rexec: ${path}: spawn ${path} EACCES\n` });
  });

  it.each(["sleep 1000", "yes"])("kills the command, and what that has started, when the client is killed: %s", async (what) => {
    const path = fifo(`held-${ways.indexOf(way)}-${what}`);
    const held = createReadStream(path);
    const client = rexec("/bin/sh", "-c", `exec 3>'${path}'; ${what} & echo started; wait`);
    await once(client.stdout, "data");
    client.kill("SIGKILL");
    expect(await text(held)).toBe("");
    expect(await outcome(rexec("true"))).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("says that the server is gone, and ends with 255", async () => {
    const another = await startServer(way);
    const client = start("client.ts", [...another.how, "cat"], secret);
    client.stdin.write("one line\n");
    await once(client.stdout, "readable");
    another.process.kill("SIGKILL");
    const { status, stdout, stderr } = await outcome(client);
    expect([status, stdout]).toEqual([255, "one line\n"]);
    expect(stderr).toMatch(/^rexec: the server is gone: .+\n$/);
  });

  it("ends its commands when it is told to end", async () => {
    const another = await startServer(way);
    const path = fifo(`told-${ways.indexOf(way)}`);
    const held = createReadStream(path);
    const client = start("client.ts", [...another.how, "/bin/sh", "-c", `exec 3>'${path}'; sleep 1000 & echo started; wait`], secret);
    await once(client.stdout, "data");
    another.process.kill("SIGTERM");
    const [{ status }] = await Promise.all([outcome(client), text(held)]);
    expect(status).toBe(255);
  });
});

describe("rexec", () => {
  it("runs nothing for whoever shows no certificate", async () => {
    const { how } = await startServer(ways[0]!);
    const transport = new TcpTransport({ tls: { client: { ca: readFileSync(fixture("ca.pem")) } } });
    const channels = new Channels(await transport.dial("tls", how.at(-1)!.replace("tls://", "")), { role: "client" });
    await expect(channels.session.closed).rejects.toMatchObject({ code: expect.stringMatching(/^E/) as string });
  });

  it("runs nothing for whoever does not know the mesh's secret", async () => {
    const { how } = await startServer(ways[1]!);
    const { status, stderr } = await outcome(start("client.ts", [...how, "true"], randomBytes(24).toString("base64")));
    expect([status, stderr]).toEqual([255, expect.stringMatching(/^rexec: E/)]);
  });

  it("says that nobody is there", async () => {
    for (const how of [["--dial", "tls://127.0.0.1:1", ...ways[0]!.client], ["--join", "tcp4://127.0.0.1:1", "--service", "rexec"]]) {
      const { status, stderr } = await outcome(start("client.ts", [...how, "true"], secret));
      expect([status, stderr]).toEqual([255, expect.stringMatching(/^rexec: ECONNREFUSED/)]);
    }
  });

  it("says which option is missing", async () => {
    expect(await outcome(start("client.ts", ["--dial", "tls://localhost:1", "true"], secret))).toEqual({ status: 255, stdout: "", stderr: "rexec: --cert is missing\n" });
  });

  it("runs as its README says", async () => {
    const lines = ['/bin/sh -c exit 4: "", status 4', 'cat: "to the other machine, and back", status 0', '/bin/sh -c kill -TERM $$: "", status 143'];
    expect(await runExample("rexec")).toBe(`${lines.join("\n")}\n`);
  });
});
