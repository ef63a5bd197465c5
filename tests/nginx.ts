import { join } from "@std/path";
import { eventually } from "./server.ts";

/** Options of {@link Nginx}. */
export interface NginxOptions {
  /** Content of the `server` block. */
  server: string;
  /** The PEM files for HTTPS. */
  tls?: { cert: string; key: string };
}

/** An nginx process with a temporary folder. */
export class Nginx implements AsyncDisposable {
  private constructor(
    /** The URL on which it listens, without a slash at the end. */
    readonly url: string,
    readonly folder: string,
    readonly child: Deno.ChildProcess,
  ) {}

  /** Starts it and waits until it listens. */
  static async start({ server, tls }: NginxOptions): Promise<Nginx> {
    const folder = await Deno.makeTempDir();
    const port = freePort();
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${folder};`
    );
    const user = Deno.uid() === 0 ? "user root;" : "";
    const secure = tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : "";
    await Deno.writeTextFile(
      join(folder, "nginx.conf"),
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; ${user}
       events {}
       http {
         access_log off; ${paths.join(" ")}
         map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
         server { listen 127.0.0.1:${port} ${tls ? "ssl" : ""}; ${secure} ${server} }
       }`,
    );
    const child = new Deno.Command("nginx", {
      args: ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")],
      env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const nginx = new Nginx(`http${tls ? "s" : ""}://127.0.0.1:${port}`, folder, child);
    await eventually("nginx listens", async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    });
    return nginx;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGTERM");
    await this.child.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Returns a free port of 127.0.0.1. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
