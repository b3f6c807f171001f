import { nginxBasics, runNginx } from "../../../transport-ws/test/support/nginx.ts";

export { nginx } from "../../../transport-ws/test/support/nginx.ts";

/** An nginx that hands on streams of HTTP/2, both ways at once, as it does for gRPC. */
export async function startNginx(upstream: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const { ports, stop } = await runNginx(1, (folder, [port = 0]) => {
    const { main, temporary } = nginxBasics(folder);
    return `${main}
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${String(port)} http2; client_max_body_size 0;
    location / { grpc_pass grpc://${upstream}; grpc_read_timeout 60s; grpc_send_timeout 60s; } } }
`;
  });
  return { url: `http://127.0.0.1:${String(ports[0])}`, stop };
}
