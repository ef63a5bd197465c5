/** How recorders and other servers read a stream: go2rtc (and Frigate by it), motionEye, mjpg-streamer. */
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
 * go2rtc. In front of a part there may be empty lines, then a line that begins with two hyphens, and MIME
 * headers with a colon in each and a Content-Length; without one it gives up.
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
    if (!name) throw new Unreadable(`No header: ${line}`);
    headers.set(name.toLowerCase(), value!);
  }
  return headers;
}

/**
 * motionEye, when a network camera is added: it looks at the lines of the answer's header as they come, in
 * small letters. The status line is to be one of HTTP/1 with 2xx before the type, and the type must be
 * multipart/x-mixed-replace or a JPEG. (It then reads the stream by ffmpeg.)
 *
 * @returns What it takes the camera for, and whether it may keep the connection.
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
 * mjpg-streamer's input_http: a request of HTTP/1.0 with a NUL behind it, whose answer is not in chunks. It
 * takes what lies between an empty line and its own boundary, which is always the same, without two bytes.
 */
export const readAsMjpgStreamer: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  const boundary = asBytes("--boundarydonotcross");
  let inPicture = false;
  let all = new Uint8Array(0);
  const answer = exchange(url, "GET /?action=stream HTTP/1.0\r\n\r\n\0");
  for await (const piece of answer) {
    const more = new Uint8Array(all.length + piece.length);
    more.set(all);
    more.set(piece, all.length);
    all = more;
    for (;;) {
      const pattern = inPicture ? boundary : asBytes("\r\n\r\n");
      const at = indexOf(all, pattern);
      if (at < 0) break;
      // What it finds in front of the first boundary is of the size -2: nothing.
      if (inPicture && at >= 2) pictures.push(all.slice(0, at - 2));
      if (pictures.length === count) return pictures;
      all = all.slice(at + pattern.length);
      inPicture = !inPicture;
    }
  }
  throw new Unreadable(`The stream has ended: ${latin1(all.subarray(0, 200))}`);
};
