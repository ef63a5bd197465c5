import type { Bytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { serverOf } from "./address.ts";
import { decoderFor } from "./body_decoder.ts";
import { BodyReader, type ResponseBody } from "./body.ts";
import { connect, type Trust } from "./connect.ts";
import { connectTimeoutError } from "./connect_error.ts";
import type { Connection } from "./connection.ts";
import { HttpClientError } from "./errors.ts";
import { type Head, HeadParser } from "./head.ts";
import { withTimeout } from "./timeout.ts";

/** Options of {@link exchange}. Times are in milliseconds, sizes in bytes. */
export interface ExchangeOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly trusted: Trust;
  /** Further fields of the request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly connectTimeout: number;
  readonly headTimeout: number;
  readonly maxHead: number;
}

/** The response to one request. */
export interface Exchange extends Omit<Head, "rest"> {
  /** The address that sent the response. May contain keys. */
  readonly url: URL;
  readonly body: ResponseBody;
}

/**
 * Sends one GET request, and waits for the head of the response.
 *
 * @param authorization Value of the `Authorization` field: one character for each byte.
 */
export async function exchange(
  url: URL,
  authorization: string | undefined,
  options: ExchangeOptions,
): Promise<Exchange> {
  const { signal, clock, trusted, connectTimeout, headTimeout } = options;
  const server = serverOf(url);
  const connection = await withTimeout(
    { signal, clock, ms: connectTimeout, error: () => connectTimeoutError(url) },
    (signal) => connect(url, trusted, signal),
  );
  try {
    const parser = new HeadParser(server, options.maxHead);
    const { rest, ...head } = await withTimeout(
      { signal, clock, ms: headTimeout, error: () => headTimeoutError(server) },
      async (signal) => {
        using _ = closeOnAbort(connection, signal);
        await connection.write(encodeRequest(url, options.headers, authorization));
        return await readHead(connection, parser);
      },
    );
    const decoder = decoderFor(head.status, head.headers, server);
    return { ...head, url, body: new BodyReader(decoder, rest, abortable(connection, signal)) };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function readHead(connection: Connection, parser: HeadParser): Promise<Head> {
  for (;;) {
    const bytes = await connection.read().catch((error) => {
      // Some cameras reset the connection instead of closing it.
      if (error instanceof HttpClientError && error.code === "reset") return undefined;
      throw error;
    });
    if (!bytes) return parser.end();
    const head = parser.push(bytes);
    if (head) return head;
  }
}

function headTimeoutError(server: string): HttpClientError {
  return new HttpClientError("head-timeout", `${server} does not respond`);
}

/** Closes a connection when the signal aborts, until the returned object is disposed of. */
function closeOnAbort(connection: Connection, signal: AbortSignal): Disposable {
  const abort = () => connection.close(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", abort) };
}

/** Wraps a connection so that it closes when the signal aborts. */
function abortable(
  connection: Connection,
  signal: AbortSignal,
): Pick<Connection, "read" | "close"> {
  const listener = closeOnAbort(connection, signal);
  return {
    read: () => connection.read(),
    close() {
      listener[Symbol.dispose]();
      connection.close();
    },
  };
}

function encodeRequest(
  url: URL,
  headers: ExchangeOptions["headers"],
  authorization: string | undefined,
): Bytes {
  const lines = [
    `GET ${pathOf(url)} HTTP/1.1`,
    `Host: ${url.host}`,
    "User-Agent: dinocam",
    ...("Accept" in headers ? [] : ["Accept: */*"]),
    "Accept-Encoding: identity",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(authorization ? [`Authorization: ${authorization}`] : []),
    "Connection: close",
  ];
  // One character of `authorization` stands for one byte.
  return Uint8Array.from(`${lines.join("\r\n")}\r\n\r\n`, (character) => character.charCodeAt(0));
}

/** Returns the path and the query of a URL without credentials, exactly as in `href`. */
export function pathOf(url: URL): string {
  return url.href.slice(url.origin.length).split("#")[0]!;
}
