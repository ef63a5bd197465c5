import { settlesWithin } from "../clock.ts";
import type { Config, TlsFiles } from "../config.ts";
import { ConfigError, ListenError } from "../errors.ts";
import { hostInUrl } from "../host.ts";
import type { Log } from "../log.ts";
import { quote, shorten } from "../quote.ts";
import {
  type Connections,
  type DirectConnection,
  limitSendQueue,
  loadConnections,
} from "../sockets/mod.ts";

/**
 * Grace period at shutdown before the remaining connections are closed forcibly, in milliseconds.
 * Only Linux allows that.
 */
const FORCE_CLOSE_AFTER = 300;
/** Interval between sweeps for idle connections, in milliseconds. */
const IDLE_SWEEP_INTERVAL = 10_000;

/** Handles a request. */
export type Handler = Deno.ServeHandler<Deno.NetAddr>;

/** Reads the PEM files for HTTPS. @throws {ConfigError} If a file cannot be read. */
export async function readTls(
  files: TlsFiles | undefined,
): Promise<Deno.TlsCertifiedKeyPem | undefined> {
  return files && {
    cert: await readPem("TLS_CERT", files.cert),
    key: await readPem("TLS_KEY", files.key),
  };
}

async function readPem(name: string, path: string): Promise<string> {
  try {
    const text = await Deno.readTextFile(path);
    if (text.trim()) return text;
  } catch (cause) {
    const [reason] = (cause as Error).message.split(": readfile", 1); // the path follows
    throw new ConfigError(
      `Cannot read the file of ${name}: ${quote(path)}: ${shorten(reason!)}`,
      { cause },
    );
  }
  throw new ConfigError(`Cannot read the file of ${name}: ${quote(path)}: it is empty`);
}

/** Options of {@link listen}. */
export interface ListenOptions extends Pick<Config, "host" | "port" | "reusePort" | "sendQueue"> {
  /** Certificate and key for HTTPS, as PEM. */
  readonly tls: Deno.TlsCertifiedKeyPem | undefined;
  readonly log: Log;
}

/**
 * Listens for HTTP requests. Until {@link Server.handle} is called, they get a 503.
 *
 * @throws {ListenError} If the address or the port cannot be used.
 * @throws {ConfigError} If the certificate and its key cannot be used.
 */
export function listen(options: ListenOptions): Server {
  return new Server(options);
}

/**
 * A listening server. Its disposal waits for open responses, and then closes the remaining
 * connections forcibly.
 */
export class Server implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #log: Log;
  /** Whether frames may be sent directly, bypassing Deno. With TLS, only Deno can write. */
  readonly #direct: boolean;
  #opening: Promise<Connections> | undefined;
  /** Undefined until they are open. */
  #connections: Connections | undefined;
  #sweep: ReturnType<typeof setInterval> | undefined;
  #handler: Handler = () => new Response("The server is starting\n", { status: 503 });

  constructor({ host, port, reusePort, tls, sendQueue, log }: ListenOptions) {
    this.#server = serve({ hostname: host, port, reusePort, ...tls }, (request, info) => {
      // With a malformed request target or Host header, the URL of the request is invalid.
      if (URL.canParse(request.url)) return this.#handler(request, info);
      return new Response("Malformed request target or Host header\n", { status: 400 });
    });
    const isShort = sendQueue === "short";
    const reason = isShort ? limitSendQueue(this.port) : undefined;
    if (reason) log.info("slow viewers may see stale frames", { reason });
    this.#direct = isShort && !tls;
    this.#log = log;
  }

  /** The port that the server listens on. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Sets the handler of all requests. */
  handle(handler: Handler): void {
    this.#handler = handler;
  }

  /**
   * Takes control over the connections beyond the API of Deno: closes idle ones from now on, and
   * lets {@link directTo} work. Call it once the first responses are sent: what it loads, and Deno's
   * timers, would delay them by 8 ms.
   */
  async controlConnections(): Promise<void> {
    await this.#openConnections();
    this.#sweep ??= setInterval(() => this.#closeIdle(), IDLE_SWEEP_INTERVAL);
  }

  /** Opens direct sending for the response that begins now: see {@link Connections.directTo}. */
  directTo(client: Deno.NetAddr, http1: boolean): DirectConnection | undefined {
    return this.#connections?.directTo(client, http1);
  }

  /**
   * Stops accepting connections, and waits for the open responses. Streams end when the caller
   * closes their cameras.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.shutdown();
    // A viewer that has stopped reading would hold its connection open forever.
    if (!await settlesWithin(closed, FORCE_CLOSE_AFTER)) (await this.#openConnections()).closeAll();
    await closed;
    const connections = await this.#opening;
    clearInterval(this.#sweep);
    connections?.[Symbol.dispose]();
  }

  #openConnections(): Promise<Connections> {
    this.#opening ??= loadConnections(this.port, { direct: this.#direct })
      .then((connections) => this.#connections = connections);
    return this.#opening;
  }

  #closeIdle(): void {
    const count = this.#connections?.closeIdle() ?? 0;
    if (count > 0) this.#log.info("idle connections closed", { count });
  }
}

/** Address and port; certificate and key for HTTPS. */
type ServeOptions = Deno.ServeTcpOptions & Partial<Deno.TlsCertifiedKeyPem>;

function serve(
  options: ServeOptions,
  handler: Handler,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ ...options, onListen: () => {} }, handler);
  } catch (error) {
    throw explainListenError(error as Error, options);
  }
}

function explainListenError(
  cause: Error,
  { hostname, port, reusePort, cert }: ServeOptions,
): Error {
  const { message } = cause;
  if (cert && (cause instanceof Deno.errors.InvalidData || /keys?\b/.test(`${cause}`))) {
    return new ConfigError(`Cannot serve HTTPS with TLS_CERT and TLS_KEY: ${message}`, { cause });
  }
  const address = `${hostInUrl(hostname!)}:${port}`;
  return new ListenError(
    `Cannot listen on ${address}: ${adviceFor(cause, { hostname, reusePort })}`,
    { cause },
  );
}

function adviceFor(
  error: Error,
  { hostname: host = "", reusePort }: Pick<ServeOptions, "hostname" | "reusePort">,
): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return reusePort
      ? "the port is in use by a server without REUSE_PORT=on, or of another user; " +
        "set it there, too, or choose another PORT"
      : "the port is in use; choose another PORT";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; choose a PORT above 1023";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno does not permit it; use `deno task start`, or --allow-net";
  }
  const advice = "HOST must be a name or an address of this machine";
  // `::1:8080` is an IPv6 address.
  return host.includes(":") ? `${advice}; a port belongs in PORT` : advice;
}
