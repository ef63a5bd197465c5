import { type Bytes, concat } from "../bytes.ts";
import { hostInUrl } from "../host.ts";
import { HubError } from "./hub_error.ts";
import type { HubAddress } from "./settings.ts";
import type { HubConnection } from "./transport.ts";

/** Size of the buffer for reading, in bytes. */
const READ_SIZE = 65_536;
/** Maximum size of the hub's first line, in bytes. */
const MAX_INFO = 65_536;

/**
 * Connects to a hub and reads its `INFO`. For `tls://` and `wss://` nothing is sent unless the hub
 * offers TLS and its certificate is valid; for `nats://` TLS is used if the hub requires it.
 *
 * @param ca PEM certificates to trust in addition.
 * @throws If the connection fails; see {@link explainHubError}.
 * @throws The reason of `signal`, if that aborted.
 */
export async function dialHub(
  address: HubAddress,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<HubConnection> {
  try {
    return address.scheme === "ws" || address.scheme === "wss"
      ? await dialWebSocket(address, ca, signal)
      : await dialTcp(address, ca, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function dialTcp(
  { scheme, host, port }: HubAddress,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<HubConnection> {
  const tcp = await Deno.connect({ hostname: host, port, signal });
  let conn: Deno.Conn = tcp;
  const close = () => {
    try {
      conn.close();
    } catch {
      // Closed already, or taken over by `Deno.startTls`: then the signal is checked afterwards.
    }
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    tcp.setNoDelay(true);
    const first = await readInfo(conn);
    const info = parseInfo(first);
    const offersTls = Boolean(info.tls_required || info.tls_available);
    if (scheme === "tls" && !offersTls) {
      throw new HubError("it does not offer TLS", {
        hint: "configure TLS at the hub, or begin NATS_URL with nats:// if the network is trusted",
      });
    }
    if (scheme === "tls" || info.tls_required) {
      const tls = await Deno.startTls(tcp, {
        hostname: host,
        caCerts: ca ? [ca] : [],
      });
      conn = tls;
      signal.throwIfAborted();
      await tls.handshake();
    }
    signal.throwIfAborted();
    return new SocketConnection(conn, conn === tcp ? first : firstLineOf(first));
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Reads up to the end of the first line. */
async function readInfo(conn: Deno.Conn): Promise<Bytes> {
  let text: Bytes = new Uint8Array();
  while (!text.includes(10)) {
    const buffer = new Uint8Array(4_096);
    const length = await conn.read(buffer);
    if (length === null) throw new HubError("it closed the connection at once");
    text = concat(text, buffer.subarray(0, length));
    if (text.length > MAX_INFO) throw noHub();
  }
  return text;
}

/** Drops what was added after `INFO` before TLS: it can be from anyone on the way. */
function firstLineOf(bytes: Bytes): Bytes {
  return bytes.slice(0, bytes.indexOf(10) + 1);
}

function parseInfo(bytes: Bytes): { tls_required?: unknown; tls_available?: unknown } {
  const [, json] = /^INFO\s+(\{[^\r\n]*\})\s*\r?\n/i.exec(new TextDecoder().decode(bytes)) ?? [];
  try {
    return JSON.parse(json ?? "");
  } catch {
    throw noHub();
  }
}

function noHub(): HubError {
  return new HubError("it is no NATS server", {
    hint: "check the port in NATS_URL: that for clients of nats-server is 4222 by default",
  });
}

/** A TCP or TLS connection. */
class SocketConnection implements HubConnection {
  readonly #conn: Deno.Conn;
  #first: Bytes | undefined;
  #buffer = new Uint8Array(READ_SIZE);

  constructor(conn: Deno.Conn, first: Bytes) {
    this.#conn = conn;
    this.#first = first;
  }

  async read(): Promise<Bytes | undefined> {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    const buffer = this.#buffer;
    const length = await this.#conn.read(buffer);
    if (length === null) return undefined;
    if (length < READ_SIZE / 4) return buffer.slice(0, length);
    this.#buffer = new Uint8Array(READ_SIZE);
    return buffer.subarray(0, length);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#conn.write(bytes.subarray(done));
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // it is closed already
    }
  }
}

function dialWebSocket(
  { scheme, host, port, path }: HubAddress,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<HubConnection> {
  const client = ca ? Deno.createHttpClient({ caCerts: [ca] }) : undefined;
  const url = `${scheme}://${hostInUrl(host)}:${port}${path}`;
  // The types of browsers, which the page needs, know no options.
  const socket = new WebSocket(url, (client ? { client } : {}) as unknown as string[]);
  const connection = new WebSocketConnection(socket, () => client?.close());
  const { promise, resolve, reject } = Promise.withResolvers<HubConnection>();
  const onAbort = () => {
    connection.close();
    reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  socket.addEventListener("open", () => resolve(connection), { once: true });
  socket.addEventListener("error", (event) => {
    connection.close();
    reject(new Error((event as ErrorEvent).message));
  }, { once: true });
  socket.addEventListener("close", () => reject(new Error("closed")), { once: true });
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

/** A WebSocket connection. */
class WebSocketConnection implements HubConnection {
  readonly #socket: WebSocket;
  readonly #onClose: () => void;
  readonly #arrived: Bytes[] = [];
  #wake = () => {};
  #isOpen = true;

  /** @param onClose Called once, when it is closed. */
  constructor(socket: WebSocket, onClose: () => void) {
    this.#socket = socket;
    this.#onClose = onClose;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) this.#arrived.push(new Uint8Array(data));
      this.#wake();
    });
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
  }

  async read(): Promise<Bytes | undefined> {
    while (this.#arrived.length === 0 && this.#isOpen) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#arrived.shift();
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#socket.send(bytes as Bytes);
    return Promise.resolve();
  }

  close(): void {
    this.#socket.close();
    this.#end();
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#wake();
    this.#onClose();
  }
}
