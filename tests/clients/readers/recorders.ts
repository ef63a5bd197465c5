/**
 * Readers that follow the rules of recorders and servers: go2rtc (also used by Frigate), motionEye,
 * mjpg-streamer.
 */
import type { Jpeg } from "../../../lib/frame.ts";
import {
  asBytes,
  bodyOf,
  BufferedReader,
  exchange,
  indexOf,
  latin1,
  type Reader,
  Unreadable,
} from "./parts.ts";

/**
 * go2rtc. It accepts empty lines before a part, then expects a line that begins with two hyphens,
 * and MIME header fields with a colon; Content-Length is required.
 */
export const readAsGo2rtc: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  await using reader = new BufferedReader(bodyOf(url));
  while (pictures.length < count) {
    for (;;) {
      const line = await reader.line();
      if (line === "\r\n") continue;
      if (!line.startsWith("--")) throw new Unreadable(`Wrong boundary: ${line}`);
      if (await reader.peek(2) !== "--") break;
    }
    const headers = await readHeaders(reader);
    const length = headers.get("content-length");
    if (!/^\d+$/.test(length ?? "")) throw new Unreadable("No Content-Length");
    pictures.push(await reader.bytes(Number(length)));
  }
  return pictures;
};

async function readHeaders(reader: BufferedReader): Promise<Map<string, string>> {
  const headers = new Map<string, string>();
  for (let line; (line = await reader.line()) !== "\r\n";) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*\r?\n$/.exec(line) ?? [];
    if (!name) throw new Unreadable(`Invalid header line: ${line}`);
    headers.set(name.toLowerCase(), value!);
  }
  return headers;
}

/**
 * motionEye, when a network camera is added. It reads the lines of the response header in order, in
 * lower case. The status line must be HTTP/1 with 2xx and precede the type, and the type must be
 * multipart/x-mixed-replace or a JPEG. (It then reads the stream through ffmpeg.)
 *
 * @returns The kind of camera that it detects, and whether it keeps the connection open.
 */
export async function testAsMotionEye(url: string): Promise<{ kind: string; keepAlive: boolean }> {
  const { pathname, search, host } = new URL(url);
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await using reader = new BufferedReader(exchange(url, request));
  let good = false, keepAlive = false;
  for (let line; (line = (await reader.line()).trim().toLowerCase()) !== "";) {
    const [, minor, status] = /^http\/1.(\d) (\d+) /.exec(line) ?? [];
    if (status) [good, keepAlive] = [status.startsWith("2"), minor === "1"];
    if (!line.startsWith("content-type") || !good) continue;
    const type = line.split(":")[1]!.trim();
    if (type.startsWith("multipart/x-mixed-replace")) return { kind: "MJPEG", keepAlive };
    if (["image/jpg", "image/jpeg", "image/pjpg"].includes(type)) {
      return { kind: "JPEG", keepAlive };
    }
    throw new Unreadable(`Not a supported network camera: ${type}`);
  }
  throw new Unreadable("Not a supported network camera");
}

/**
 * mjpg-streamer's input_http. It sends an HTTP/1.0 request followed by a NUL, so the response is
 * not chunked. It reads the bytes between an empty line and a fixed boundary, without the last two.
 */
export const readAsMjpgStreamer: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  const boundary = asBytes("--boundarydonotcross");
  let inPicture = false;
  let all = new Uint8Array(0);
  const response = exchange(url, "GET /?action=stream HTTP/1.0\r\n\r\n\0");
  for await (const piece of response) {
    const more = new Uint8Array(all.length + piece.length);
    more.set(all);
    more.set(piece, all.length);
    all = more;
    for (;;) {
      const pattern = inPicture ? boundary : asBytes("\r\n\r\n");
      const at = indexOf(all, pattern);
      if (at < 0) break;
      // Before the first boundary it finds a picture of size -2, and ignores it.
      if (inPicture && at >= 2) pictures.push(all.slice(0, at - 2));
      if (pictures.length === count) return pictures;
      all = all.slice(at + pattern.length);
      inPicture = !inPicture;
    }
  }
  throw new Unreadable(`The stream has ended: ${latin1(all.subarray(0, 200))}`);
};
