/** Options of {@link sendRaw}. */
export interface RawOptions {
  /** Stops reading when this returns true for the text received so far. */
  enough?: (text: string) => boolean;
  /** Time limit, in milliseconds. */
  ms?: number;
}

/** The response to raw bytes. */
export interface RawAnswer {
  /** The bytes received, as Latin-1: each character is a byte. */
  text: string;
  /** The reason that it ended: the server closed the connection, or the reader stopped. */
  end: "closed" | "enough" | "timeout";
}

/**
 * Sends raw bytes (as Latin-1), which need not be valid HTTP, to a server and reads its response.
 */
export async function sendRaw(
  server: string,
  request: string,
  { enough = hasHead, ms = 5_000 }: RawOptions = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(server);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    connection.close();
  }, ms);
  let text = "";
  try {
    const writer = connection.writable.getWriter();
    await writer.write(Uint8Array.from(request, (character) => character.charCodeAt(0)));
    writer.releaseLock();
    const buffer = new Uint8Array(65_536);
    for (let size; (size = await connection.read(buffer)) !== null;) {
      text += Array.from(buffer.subarray(0, size), (byte) => String.fromCharCode(byte)).join("");
      if (enough(text)) return { text, end: "enough" };
    }
    return { text, end: "closed" };
  } catch {
    return { text, end: timedOut ? "timeout" : "closed" };
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the status of a response, 0 if it has none. */
export function statusOf({ text }: RawAnswer): number {
  return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(text)?.[1] ?? 0);
}

function hasHead(text: string): boolean {
  return text.includes("\r\n\r\n");
}
