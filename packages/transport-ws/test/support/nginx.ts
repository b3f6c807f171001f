import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Where nginx is, or undefined. */
export const nginx = [process.env["NGINX"] ?? "", "/usr/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"].find((path) => path !== "" && existsSync(path));

/** An nginx that runs in front of `upstream`. */
export interface Nginx {
  /** 'localhost:port' of its plain and its TLS listener. */
  readonly plain: string;
  readonly tls: string;
  stop(): Promise<void>;
}

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** What every location has in common, as the README says. */
const proxied = `
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;`;

function configuration(folder: string, plain: number, tls: number, upstream: string, nobody: string): string {
  const { main, temporary } = nginxBasics(folder);
  return `
${main}
http {
  access_log off;
  ${temporary}
  server {
    listen 127.0.0.1:${String(plain)};
    listen 127.0.0.1:${String(tls)} ssl;
    ssl_certificate ${fixtures}server.pem;
    ssl_certificate_key ${fixtures}server-key.pem;
    location /mesh { proxy_pass http://${upstream}; proxy_set_header Host $http_host; proxy_read_timeout 2s; ${proxied}
    }
    location = /impatient { proxy_pass http://${upstream}/mesh; proxy_set_header Host $http_host; proxy_read_timeout 300ms; ${proxied}
    }
    location = /without-host { proxy_pass http://${upstream}/mesh; ${proxied}
    }
    location = /nobody { proxy_pass http://${nobody}; ${proxied}
    }
    location / { return 404; }
  }
}
`;
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** Starts nginx in a folder of its own, with what `configure` makes of it and of ports that are free, and resolves with those when it accepts. */
export async function runNginx(count: number, configure: (folder: string, ports: readonly number[]) => string): Promise<{ readonly ports: readonly number[]; stop(): Promise<void> }> {
  if (nginx === undefined) throw new Error("there is no nginx: apt-get install nginx");
  const folder = mkdtempSync(join(tmpdir(), "astranet-nginx-"));
  const ports = await freePorts(count);
  writeFileSync(join(folder, "nginx.conf"), configure(folder, ports));
  const child = spawn(nginx, ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let said = "";
  const ready = new Promise<void>((resolve) => {
    createInterface(child.stderr).on("line", (line) => {
      said += `${line}\n`;
      // Its sockets listen by then.
      if (/\[notice\].*event method/.test(line)) resolve();
    });
  });
  const outcome = await Promise.race([ready.then(() => "ready"), exited.then(() => "exited")]);
  if (outcome === "exited") throw new Error(`nginx ended:\n${said}`);
  return {
    ports,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

/** What every configuration begins with. */
export function nginxBasics(folder: string): { readonly main: string; readonly temporary: string } {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  return { main: `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice; events {}`, temporary };
}

/** An nginx in front of what speaks WebSocket at `upstream`. */
export async function startNginx(upstream: string): Promise<Nginx> {
  const { ports, stop } = await runNginx(3, (folder, [plain = 0, tls = 0, nobody = 0]) => configuration(folder, plain, tls, upstream, `127.0.0.1:${String(nobody)}`));
  return { plain: `localhost:${String(ports[0])}`, tls: `localhost:${String(ports[1])}`, stop };
}
