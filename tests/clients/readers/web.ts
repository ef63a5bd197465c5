/** How the web interfaces of 3D printers and of Home Assistant read a stream. */
import type { Jpeg } from "../../../lib/frame.ts";
import { asBytes, bodyOf, concat, indexOf, type Reader, Unreadable } from "./parts.ts";

/**
 * Mainsail's MJPEG worker. It collects all as header until FF D8 lies in one piece of the stream, takes the
 * part's length from what it collected, and shows a picture when it sees the byte behind it. Without a
 * length it dies; an FF D8 inside a picture begins the picture anew.
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
        if (length < 0) throw new Unreadable("No Content-Length in front of the picture");
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
 * Fluidd's MJPEG worker. It takes the boundary from the response's header as it stands, without quotes, and
 * gives a picture when it sees the boundary behind it; so all in between is taken for the picture.
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
 * Home Assistant's MJPEG camera without an address for stills: of all bytes so far it takes those from the
 * first FF D8 to the first FF D9, wherever they belong to.
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
 * Home Assistant's live view: it passes the bytes on as they are, and gives up after so long without one, in
 * milliseconds.
 */
export const HOME_ASSISTANT_PATIENCE = 10_000;
