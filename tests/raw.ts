/** Options of {@link sendRaw}. */
export interface RawOptions {
  /** Stop reading when this holds for what has come. */
  enough?: (text: string) => boolean;
  /** Stop reading after so many milliseconds. */
  ms?: number;
}

/** What a server answered to bytes. */
export interface RawAnswer {
  /** As Latin-1: each character is a byte. */
  text: string;
  /** How the answer ended: the server closed the connection, or we stopped reading. */
  end: "closed" | "enough" | "time is up";
}

/** Sends bytes (as Latin-1) to a server, as no tidy client would, and reads what it answers. */
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
    return { text, end: timedOut ? "time is up" : "closed" };
  } finally {
    clearTimeout(timer);
  }
}

/** The status of an answer, 0 if it has none. */
export function statusOf({ text }: RawAnswer): number {
  return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(text)?.[1] ?? 0);
}

function hasHead(text: string): boolean {
  return text.includes("\r\n\r\n");
}
