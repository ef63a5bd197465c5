import { join } from "@std/path";
import { freePort } from "./nginx.ts";
import { eventually, Server } from "./server.ts";

/** Options of {@link NatsServer.start}. */
export interface NatsServerOptions {
  /** Text added to the configuration: `authorization { … }`. */
  config?: string;
  /** The PEM files for TLS. */
  tls?: { cert: string; key: string };
  /** Whether it also listens for WebSocket connections. @default {false} */
  websocket?: boolean;
  /** The port of 127.0.0.1. @default {a free port} */
  port?: number;
  /** Address to listen on. @default {"127.0.0.1"} */
  host?: string;
}

/** A process of nats-server with a temporary folder, as the NATS hub of a test. */
export class NatsServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #args: string[];
  #child: Deno.ChildProcess | undefined;
  #isFrozen = false;

  private constructor(
    folder: string,
    /** The port for clients. */
    readonly port: number,
    /** The port for WebSocket connections; 0 if it has none. */
    readonly websocketPort: number,
    /** The address that it listens on. */
    readonly host: string,
    readonly scheme: "nats" | "tls",
  ) {
    this.#folder = folder;
    this.#args = ["-c", join(folder, "nats.conf")];
  }

  /** Starts it and waits until it listens. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const { config = "", tls, websocket = false, port = freePort(), host = "127.0.0.1" } = options;
    const folder = await Deno.makeTempDir();
    const websocketPort = websocket ? freePort() : 0;
    const secure = tls ? `tls { cert_file: "${tls.cert}", key_file: "${tls.key}" }` : "";
    const listener = `listen: "${host}:${websocketPort}", ${secure || "no_tls: true"}`;
    await Deno.writeTextFile(
      join(folder, "nats.conf"),
      [
        `listen: "${host}:${port}"`,
        "max_payload: 8MB",
        secure,
        websocket ? `websocket { ${listener} }` : "",
        config,
      ].join("\n"),
    );
    const server = new NatsServer(folder, port, websocketPort, host, tls ? "tls" : "nats");
    await server.run();
    return server;
  }

  /** The address for `NATS_URL`, without credentials. */
  get url(): string {
    return this.urlFor();
  }

  /** Returns the address for `NATS_URL`. @param credentials `user:password`, or a token. */
  urlFor(credentials?: string): string {
    return `${this.scheme}://${credentials ? `${credentials}@` : ""}${this.host}:${this.port}`;
  }

  /** The address of the WebSocket listener, without credentials. */
  get websocketUrl(): string {
    return `${this.scheme === "tls" ? "wss" : "ws"}://${this.host}:${this.websocketPort}`;
  }

  get pid(): number {
    return this.#child!.pid;
  }

  /** Starts it again after {@link stop}, on the same ports. */
  async run(): Promise<void> {
    const child = this.#child = new Deno.Command("nats-server", {
      args: this.#args,
      cwd: this.#folder,
      env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin` },
      stdin: "null",
      stdout: "null",
      stderr: "null", // its log
    }).spawn();
    let exited = false;
    child.status.then(() => exited = true);
    await eventually("nats-server listens", async () => {
      if (exited) throw new Error(`nats-server exited: see ${this.#args.join(" ")}`);
      try {
        for (const port of [this.port, this.websocketPort].filter(Boolean)) {
          (await Deno.connect({ hostname: this.host, port })).close();
        }
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Ends the process, as after `kill -9`, and waits until it has exited. */
  async stop(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    child.kill(signal);
    if (this.#isFrozen) child.kill("SIGCONT");
    this.#isFrozen = false;
    await child.status;
  }

  /** Freezes the process (SIGSTOP): its connections stay, and nothing answers. */
  freeze(): void {
    this.#child!.kill("SIGSTOP");
    this.#isFrozen = true;
  }

  /** Ends {@link freeze}. */
  thaw(): void {
    this.#child!.kill("SIGCONT");
    this.#isFrozen = false;
  }

  /** Reads its configuration again, after a change of {@link configure}. */
  async configure(change: (text: string) => string): Promise<void> {
    const path = this.#args[1]!;
    await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
    this.#child?.kill("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts a server that publishes its cameras at a hub. */
export function startPublisher(hub: NatsServer, env: Record<string, string>): Promise<Server> {
  return Server.start({ env: { PUBLISH: "all", NATS_URL: hub.url, ...env } });
}
