/** Readers that follow the rules of libraries and small devices. */
import type { Jpeg } from "../../../lib/frame.ts";
import { bodyOf, BufferedReader, exchange, type Reader, Unreadable } from "./parts.ts";

/**
 * py-mjpeg, a Python library. It expects at most one empty line, then exactly the boundary, then
 * header fields with a colon; Content-Length and the type image/jpeg are required.
 */
export const readAsPyMjpeg: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  let boundary = "";
  await using reader = new BufferedReader(bodyOf(url, ({ headers }) => {
    const word = /;\s*boundary="?([^";]+)"?/.exec(headers.get("Content-Type") ?? "")?.[1];
    if (!word) throw new Unreadable("No boundary");
    boundary = word.startsWith("--") ? word : `--${word}`;
  }));
  while (pictures.length < count) {
    let line = (await reader.line()).trim();
    if (line === "") line = (await reader.line()).trim();
    if (line !== boundary) throw new Unreadable(`Boundary expected: ${line}`);
    const headers = new Map<string, string>();
    while ((line = (await reader.line()).trim()) !== "") {
      const colon = line.indexOf(":");
      if (colon < 0) throw new Unreadable(`Invalid header line: ${line}`);
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const type = headers.get("content-type")?.split(";")[0];
    if (type !== "image/jpeg") throw new Unreadable(`Wrong Content-Type: ${type}`);
    pictures.push(await reader.bytes(lengthOf(headers.get("content-length"))));
  }
  return pictures;
};

/**
 * MissionPlanner, a ground control station on .NET. It reads header fields up to an empty line,
 * ignores lines with more than one colon, and rejects duplicate names; then it reads the image and
 * discards one line.
 */
export const readAsMissionPlanner: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  await using reader = new BufferedReader(bodyOf(url, ({ headers }) => {
    if (!headers.get("Content-Type")?.includes("boundary=")) throw new Unreadable("No boundary");
    if (headers.has("Content-Encoding")) throw new Unreadable("Compressed");
  }));
  while (pictures.length < count) {
    const headers = new Map<string, string>();
    for (let line; (line = (await reader.line()).replace("\r\n", "")) !== "";) {
      const parts = line.split(":").filter((part) => part !== "");
      if (parts.length !== 2) continue;
      const [name, value] = parts.map((part) => part.trim());
      if (headers.has(name!)) throw new Unreadable(`Duplicate field: ${name}`);
      headers.set(name!, value!);
    }
    pictures.push(await reader.bytes(lengthOf(headers.get("Content-Length"))));
    const empty = await reader.line();
    if (empty !== "\r\n") throw new Unreadable(`Not an empty line: ${empty}`);
  }
  return pictures;
};

/**
 * A display with an ESP32, as in many Arduino sketches. It reads the connection directly, bypassing
 * the HTTP library, so the response must not be chunked. It searches for a line with
 * Content-Length, in exactly this spelling, then for an empty line, and then reads the picture into
 * a buffer of fixed size.
 */
export const readAsEsp32: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  const { pathname, search, hostname } = new URL(url);
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n` +
    "User-Agent: ESP32HTTPClient\r\nConnection: close\r\nAccept-Encoding: identity\r\n\r\n";
  await using reader = new BufferedReader(exchange(url, request));
  for (let line; (line = await reader.line()) !== "\r\n";) {
    if (/^transfer-encoding:\s*chunked/i.test(line)) throw new Unreadable("Chunked encoding");
  }
  while (pictures.length < count) {
    let length = 0;
    for (let line; (line = (await reader.line()).trim()) !== "" || length === 0;) {
      if (line.startsWith("Content-Length: ")) length = Number(line.slice(16));
    }
    if (length > 100 * 1024) throw new Unreadable("Too large for the buffer");
    pictures.push(await reader.bytes(length));
  }
  return pictures;
};

function lengthOf(text: string | undefined): number {
  if (!/^\d+$/.test(text ?? "")) throw new Unreadable(`Content-Length: ${text}`);
  return Number(text);
}
