import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Where nginx is, or undefined. */
export const nginx = [process.env["NGINX"] ?? "", "/usr/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"].find((path) => path !== "" && existsSync(path));

/** An nginx that hands on streams of HTTP/2, both ways at once, as it does for gRPC. */
export async function startNginx(upstream: string): Promise<{ url: string; stop: () => Promise<void> }> {
  if (nginx === undefined) throw new Error("there is no nginx: apt-get install nginx");
  const folder = mkdtempSync(join(tmpdir(), "astranet-channel-nginx-"));
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  await once(free.close(), "close");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice; events {}
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${String(port)} http2; client_max_body_size 0;
    location / { grpc_pass grpc://${upstream}; grpc_read_timeout 60s; grpc_send_timeout 60s; } } }
`,
  );
  const child = spawn(nginx, ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let said = "";
  const ready = new Promise<void>((resolve) => {
    createInterface(child.stderr).on("line", (line) => {
      said += `${line}\n`;
      // Its socket listens by then.
      if (/\[notice\].*event method/.test(line)) resolve();
    });
  });
  const outcome = await Promise.race([ready.then(() => "ready"), exited.then(() => "exited")]);
  if (outcome === "exited") throw new Error(`nginx ended:\n${said}`);
  return {
    url: `http://127.0.0.1:${String(port)}`,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}
