/** Readers that follow the rules of the web interfaces of 3D printers and of Home Assistant. */
import type { Jpeg } from "../../../lib/frame.ts";
import { asBytes, bodyOf, concat, indexOf, type Reader, Unreadable } from "./parts.ts";

/**
 * Mainsail's MJPEG worker. It collects everything as header until FF D8 occurs within one chunk of
 * the stream, reads the length of the part from that header, and shows a picture when it receives
 * the byte after it. Without a length it fails; an FF D8 inside a picture restarts the picture.
 */
export const readAsMainsail: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  const address = new URL(url);
  address.searchParams.append("timestamp", `${Date.now()}`);
  let header = "", length = -1, filled = 0;
  let picture = new Uint8Array(0);
  for await (const piece of bodyOf(address.href)) {
    for (let at = 0; at < piece.length; at++) {
      if (piece[at] === 0xff && piece[at + 1] === 0xd8) {
        length = lengthIn(header);
        if (length < 0) throw new Unreadable("No Content-Length before the picture");
        picture = new Uint8Array(length);
        filled = 0;
      }
      if (length <= 0) header += String.fromCharCode(piece[at]!);
      else if (filled < length) picture[filled++] = piece[at]!;
      else {
        pictures.push(picture);
        if (pictures.length === count) return pictures;
        [length, filled, header] = [0, 0, ""];
      }
    }
  }
  return pictures;
};

function lengthIn(header: string): number {
  for (const line of header.split("\n")) {
    const [name, value] = line.split(":");
    if (name!.toLowerCase() === "content-length") return Number(value);
  }
  return -1;
}

/**
 * Fluidd's MJPEG worker. It reads the boundary from the response header verbatim, so it must not be
 * quoted, and shows a picture when it finds the boundary after it; so everything in between is
 * treated as the picture.
 */
export const readAsFluidd: Reader = async (url, count) => {
  const pictures: Jpeg[] = [];
  const address = new URL(url);
  address.searchParams.append("cacheBust", `${Date.now()}`);
  let boundary = asBytes("");
  const body = bodyOf(address.href, ({ headers }) => {
    const type = headers.get("Content-Type") ?? "";
    const word = /boundary=([^;]+)/.exec(type)?.[1];
    if (!type.includes("multipart") || !word) throw new Unreadable(`Content-Type ${type}`);
    boundary = asBytes(`--${word}`);
  });
  const headerEnd = asBytes("\r\n\r\n");
  let buffer = new Uint8Array(0);
  for await (const piece of body) {
    buffer = concat(buffer, piece);
    for (let start; (start = indexOf(buffer, boundary)) >= 0;) {
      const next = indexOf(buffer, boundary, start + boundary.length);
      if (next < 0) break;
      const header = indexOf(buffer, headerEnd, start);
      if (header >= 0 && header < next) pictures.push(buffer.slice(header + 4, next));
      if (pictures.length === count) return pictures;
      buffer = buffer.slice(next);
    }
  }
  return pictures;
};

/**
 * Home Assistant's MJPEG camera without a still image URL. Of all bytes so far it takes those from
 * the first FF D8 to the first FF D9, regardless of where they belong.
 */
export const stillOfHomeAssistant: Reader = async (url) => {
  let all = new Uint8Array(0);
  for await (const piece of bodyOf(url)) {
    all = concat(all, piece);
    const end = indexOf(all, asBytes("\xff\xd9"));
    const start = indexOf(all, asBytes("\xff\xd8"));
    if (end >= 0 && start >= 0) return [all.slice(start, end + 2)];
  }
  return [];
};

/**
 * Time without data after which Home Assistant's live view closes the stream, in milliseconds. The
 * live view forwards the bytes unchanged.
 */
export const HOME_ASSISTANT_TIMEOUT = 10_000;
